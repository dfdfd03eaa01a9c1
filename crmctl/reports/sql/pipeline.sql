-- title: Pipeline
-- question: What may still come in, and where does it stand?
-- filter: deal
-- column: pipeline | text | left | Pipeline
-- column: stage | text | left | Stage
-- column: deals | integer | right | Deals
-- column: amount | money(currency) | right | Amount
-- column: weighted | money(currency) | right | Weighted
-- column: currency | currency | left | Currency
-- column: late | integer | right | Past close date
-- total: deals, amount, weighted, late by currency
-- bar: amount by stage
-- rows: SELECT d.handle, d.name, d.customer, d.stage, d.amount_minor, d.currency, d.probability, d.closes_day, d.path
-- rows: FROM deals d WHERE d.status IS NULL OR d.status = 'open' ORDER BY d.stage NULLS LAST, d.handle
WITH possible AS (
  SELECT COALESCE(d.pipeline, s.pipeline) AS pipeline, d.stage AS stage, s.step AS step,
    COALESCE(d.amount_minor, 0) AS amount, COALESCE(d.probability, s.probability, 0) AS probability,
    COALESCE(d.currency, p.currency) AS currency, CASE WHEN d.closes_day < p.today_day THEN 1 ELSE 0 END AS late
  FROM deals d
  CROSS JOIN params p
  LEFT JOIN pipeline_stages s
    ON s.stage = d.stage AND (s.pipeline = d.pipeline OR (d.pipeline IS NULL AND s.is_default = 1))
  WHERE d.status IS NULL OR d.status = 'open'
),
grouped AS (
  SELECT a.pipeline AS pipeline, a.stage AS stage, a.currency AS currency, MIN(a.step) AS step, COUNT(*) AS deals,
    SUM(a.amount) AS amount, SUM(a.amount * a.probability) AS hundredths, SUM(a.late) AS late
  FROM possible a
  GROUP BY a.pipeline, a.stage, a.currency
)
SELECT COALESCE(g.pipeline, '(none)') AS pipeline, COALESCE(g.stage, '(none)') AS stage, g.deals AS deals,
  g.amount AS amount,
  CAST((ABS(g.hundredths) + 50 - (ABS(g.hundredths) + 50) % 100) / 100 AS BIGINT)
    * CASE WHEN g.hundredths < 0 THEN -1 ELSE 1 END AS weighted,
  g.currency AS currency, g.late AS late
FROM grouped g
ORDER BY g.pipeline NULLS LAST, g.step NULLS LAST, g.stage NULLS LAST, g.currency
