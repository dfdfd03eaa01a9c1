-- title: Activity
-- question: What did each of us do, month by month?
-- filter: customer
-- column: month | month | left | Month
-- column: member | text | left | Member
-- column: calls | integer | right | Calls
-- column: emails | integer | right | E-mails
-- column: meetings | integer | right | Meetings
-- column: purchases | integer | right | Purchases
-- column: others | integer | right | Others
-- column: total | integer | right | Total
-- column: minutes | integer | right | Minutes
-- column: handle | handle | left | Handle
-- total: calls, emails, meetings, purchases, others, total, minutes
-- bar: total by month
-- rows: SELECT i.at_day, i."by", i.type, i.customer, i.minutes, i.handle, i.path FROM interactions i
-- rows: ORDER BY i.at_day, i."by" NULLS LAST, i.handle
WITH done AS (
  SELECT i.at_month AS month, i."by" AS handle, i.type AS type, COUNT(*) AS number,
    SUM(COALESCE(i.minutes, 0)) AS minutes
  FROM interactions i
  GROUP BY i.at_month, i."by", i.type
),
counted AS (
  SELECT d.month AS month, d.handle AS handle,
    SUM(CASE WHEN d.type = 'call' THEN d.number ELSE 0 END) AS calls,
    SUM(CASE WHEN d.type = 'email' THEN d.number ELSE 0 END) AS emails,
    SUM(CASE WHEN d.type IN ('meeting', 'visit') THEN d.number ELSE 0 END) AS meetings,
    SUM(CASE WHEN d.type = 'purchase' THEN d.number ELSE 0 END) AS purchases,
    SUM(CASE WHEN d.type IN ('call', 'email', 'meeting', 'visit', 'purchase') THEN 0 ELSE d.number END) AS others,
    SUM(d.number) AS total, SUM(d.minutes) AS minutes
  FROM done d
  GROUP BY d.month, d.handle
)
SELECT g.month AS month, COALESCE(m.name, g.handle, '(nobody)') AS member, g.calls AS calls, g.emails AS emails,
  g.meetings AS meetings, g.purchases AS purchases, g.others AS others, g.total AS total, g.minutes AS minutes,
  g.handle AS handle
FROM counted g
LEFT JOIN members m ON m.handle = g.handle
ORDER BY g.month NULLS LAST, g.total DESC, g.handle NULLS LAST
