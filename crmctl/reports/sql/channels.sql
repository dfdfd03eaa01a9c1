-- title: Channels
-- question: On which ways are we in touch, and with how many customers?
-- filter: customer
-- column: channel | text | left | Channel
-- column: interactions | integer | right | Interactions
-- column: incoming | integer | right | Incoming
-- column: outgoing | integer | right | Outgoing
-- column: reached | integer | right | Customers
-- column: minutes | integer | right | Minutes
-- column: last | day-number | left | Last
-- total: interactions, incoming, outgoing, minutes
-- bar: interactions by channel
-- rows: SELECT i.type, i.at_day, i.direction, i.customer, i.minutes, i.handle, i.path FROM interactions i
-- rows: ORDER BY i.type NULLS LAST, i.at_day, i.handle
WITH pairs AS (
  SELECT i.type AS channel, i.customer AS customer, COUNT(*) AS interactions,
    SUM(CASE WHEN i.direction = 'in' THEN 1 ELSE 0 END) AS incoming,
    SUM(CASE WHEN i.direction = 'out' THEN 1 ELSE 0 END) AS outgoing,
    SUM(COALESCE(i.minutes, 0)) AS minutes, MAX(i.at_day) AS last_day
  FROM interactions i
  GROUP BY i.customer, i.type
),
counted AS (
  SELECT r.channel AS channel, SUM(r.interactions) AS interactions, SUM(r.incoming) AS incoming,
    SUM(r.outgoing) AS outgoing, COUNT(*) AS reached, SUM(r.minutes) AS minutes, MAX(r.last_day) AS last_day
  FROM pairs r
  GROUP BY r.channel
)
SELECT COALESCE(g.channel, '(none)') AS channel, g.interactions AS interactions, g.incoming AS incoming,
  g.outgoing AS outgoing, g.reached AS reached, g.minutes AS minutes, g.last_day AS last
FROM counted g
ORDER BY g.interactions DESC, g.channel NULLS LAST
