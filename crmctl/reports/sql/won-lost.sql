-- title: Won and lost
-- question: How many deals do we win, and why do we lose the others?
-- filter: deal
-- column: month | month | left | Month
-- column: won | integer | right | Won
-- column: lost | integer | right | Lost
-- column: rate | percent | right | Win rate | %
-- column: won_amount | money(currency) | right | Amount won
-- column: lost_amount | money(currency) | right | Amount lost
-- column: currency | currency | left | Currency
-- column: reason | text | left | Most frequent reason
-- total: won, lost, won_amount, lost_amount by currency
-- bar: won_amount by month
-- rows: SELECT d.closed_day, d.handle, d.name, d.customer, d.status, d.amount_minor, d.currency, d.lost_reason, d.path
-- rows: FROM deals d WHERE d.status IN ('won', 'lost') ORDER BY d.closed_day NULLS LAST, d.handle
--
-- A deal without a closing date was decided when its stage log says so.
WITH logged AS (
  SELECT l.owner AS owner, l.stage AS stage, MAX(l.at_month) AS month
  FROM deals_stage_log l
  GROUP BY l.owner, l.stage
),
decided AS (
  SELECT COALESCE(d.closed_month, l.month) AS month, d.status AS status, COALESCE(d.amount_minor, 0) AS amount,
    COALESCE(d.currency, p.currency) AS currency, d.lost_reason AS reason
  FROM deals d
  CROSS JOIN params p
  LEFT JOIN logged l ON l.owner = d.row_id AND l.stage = d.stage
  WHERE d.status IN ('won', 'lost')
),
counted AS (
  SELECT d.month AS month, d.currency AS currency, COUNT(*) AS decided,
    SUM(CASE WHEN d.status = 'won' THEN 1 ELSE 0 END) AS won,
    SUM(CASE WHEN d.status = 'won' THEN d.amount ELSE 0 END) AS won_amount,
    SUM(CASE WHEN d.status = 'won' THEN 0 ELSE d.amount END) AS lost_amount
  FROM decided d
  GROUP BY d.month, d.currency
),
reasons AS (
  SELECT d.month AS month, d.currency AS currency, d.reason AS reason, COUNT(*) AS number
  FROM decided d
  WHERE d.status = 'lost' AND d.reason IS NOT NULL
  GROUP BY d.month, d.currency, d.reason
),
ranked AS (
  SELECT r.month AS month, r.currency AS currency, r.reason AS reason,
    ROW_NUMBER() OVER (PARTITION BY r.month, r.currency ORDER BY r.number DESC, r.reason) AS place
  FROM reasons r
)
SELECT g.month AS month, g.won AS won, g.decided - g.won AS lost,
  CAST((g.won * 200 + g.decided - (g.won * 200 + g.decided) % (g.decided * 2)) / (g.decided * 2) AS BIGINT) AS rate,
  g.won_amount AS won_amount, g.lost_amount AS lost_amount, g.currency AS currency, r.reason AS reason
FROM counted g
LEFT JOIN ranked r
  ON r.place = 1 AND r.currency = g.currency AND COALESCE(r.month, '') = COALESCE(g.month, '')
ORDER BY g.month NULLS LAST, g.currency
