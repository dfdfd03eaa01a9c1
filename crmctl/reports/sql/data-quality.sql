-- title: Data quality
-- question: Which gaps in the book keep us from working with it?
-- filter: customer
-- column: kind | text | left | Kind
-- column: what | text | left | What
-- column: records | integer | right | Records
-- column: checked | integer | right | Of
-- column: share | percent | right | Share | %
-- column: example | handle | left | Example
-- bar: share by what
-- rows: SELECT c.handle, c.name, c.address_country AS country, c.owner, c.lifecycle, c.last_day, c.path FROM customers c
-- rows: WHERE c.address_country IS NULL OR c.owner IS NULL OR c.lifecycle IS NULL OR c.last_day IS NULL
-- rows: ORDER BY c.handle
WITH emails AS (
  SELECT e.owner AS owner, COUNT(*) AS number
  FROM customers_emails e
  GROUP BY e.owner
),
phones AS (
  SELECT t.owner AS owner, COUNT(*) AS number
  FROM customers_phones t
  GROUP BY t.owner
),
shared_emails AS (
  SELECT e.value_key AS value_key
  FROM all_customers_emails e
  WHERE e.value_key IS NOT NULL
  GROUP BY e.value_key
  HAVING MIN(e.owner) <> MAX(e.owner)
),
twins AS (
  SELECT e.owner AS owner
  FROM customers_emails e
  JOIN shared_emails s ON s.value_key = e.value_key
  GROUP BY e.owner
),
shared_names AS (
  SELECT c.name_key AS name_key
  FROM all_customers c
  WHERE c.name_key IS NOT NULL
  GROUP BY c.name_key
  HAVING COUNT(*) > 1
),
people AS (
  SELECT c.handle AS handle,
    CASE WHEN e.owner IS NULL AND t.owner IS NULL THEN 1 ELSE 0 END AS unreachable,
    CASE WHEN e.owner IS NULL THEN 1 ELSE 0 END AS no_email,
    CASE WHEN w.owner IS NULL THEN 0 ELSE 1 END AS twin,
    CASE WHEN n.name_key IS NULL THEN 0 ELSE 1 END AS namesake,
    CASE WHEN c.address_country IS NULL THEN 1 ELSE 0 END AS no_country,
    CASE WHEN c.owner IS NULL THEN 1 ELSE 0 END AS no_owner,
    CASE WHEN c.lifecycle IS NULL THEN 1 ELSE 0 END AS no_lifecycle,
    CASE WHEN c.last_day IS NULL THEN 1 ELSE 0 END AS untouched
  FROM customers c
  LEFT JOIN emails e ON e.owner = c.row_id
  LEFT JOIN phones t ON t.owner = c.row_id
  LEFT JOIN twins w ON w.owner = c.row_id
  LEFT JOIN shared_names n ON n.name_key = c.name_key
),
findings AS (
  SELECT 1 AS place, 'customer' AS kind, 'no e-mail address and no phone' AS what, SUM(c.unreachable) AS records,
    COUNT(*) AS checked, MIN(CASE WHEN c.unreachable = 1 THEN c.handle ELSE NULL END) AS example
  FROM people c
  UNION ALL
  SELECT 2, 'customer', 'no e-mail address', SUM(c.no_email), COUNT(*),
    MIN(CASE WHEN c.no_email = 1 THEN c.handle ELSE NULL END)
  FROM people c
  UNION ALL
  SELECT 3, 'customer', 'e-mail address of another customer', SUM(c.twin), COUNT(*),
    MIN(CASE WHEN c.twin = 1 THEN c.handle ELSE NULL END)
  FROM people c
  UNION ALL
  SELECT 4, 'customer', 'name of another customer', SUM(c.namesake), COUNT(*),
    MIN(CASE WHEN c.namesake = 1 THEN c.handle ELSE NULL END)
  FROM people c
  UNION ALL
  SELECT 5, 'customer', 'no country', SUM(c.no_country), COUNT(*),
    MIN(CASE WHEN c.no_country = 1 THEN c.handle ELSE NULL END)
  FROM people c
  UNION ALL
  SELECT 6, 'customer', 'no owner', SUM(c.no_owner), COUNT(*),
    MIN(CASE WHEN c.no_owner = 1 THEN c.handle ELSE NULL END)
  FROM people c
  UNION ALL
  SELECT 7, 'customer', 'no lifecycle', SUM(c.no_lifecycle), COUNT(*),
    MIN(CASE WHEN c.no_lifecycle = 1 THEN c.handle ELSE NULL END)
  FROM people c
  UNION ALL
  SELECT 8, 'customer', 'nothing ever happened', SUM(c.untouched), COUNT(*),
    MIN(CASE WHEN c.untouched = 1 THEN c.handle ELSE NULL END)
  FROM people c
  UNION ALL
  SELECT 9, 'interaction', 'purchase without an amount', SUM(CASE WHEN i.amount_minor IS NULL THEN 1 ELSE 0 END),
    COUNT(*), MIN(CASE WHEN i.amount_minor IS NULL THEN i.handle ELSE NULL END)
  FROM interactions i
  WHERE i.type = 'purchase'
  UNION ALL
  SELECT 10, 'interaction', 'no member named', SUM(CASE WHEN i."by" IS NULL THEN 1 ELSE 0 END),
    COUNT(*), MIN(CASE WHEN i."by" IS NULL THEN i.handle ELSE NULL END)
  FROM interactions i
  UNION ALL
  SELECT 11, 'deal', 'open without an amount', SUM(CASE WHEN d.amount_minor IS NULL THEN 1 ELSE 0 END),
    COUNT(*), MIN(CASE WHEN d.amount_minor IS NULL THEN d.handle ELSE NULL END)
  FROM deals d
  WHERE d.status IS NULL OR d.status = 'open'
  UNION ALL
  SELECT 12, 'deal', 'open without a next step', SUM(CASE WHEN d.next_step IS NULL THEN 1 ELSE 0 END),
    COUNT(*), MIN(CASE WHEN d.next_step IS NULL THEN d.handle ELSE NULL END)
  FROM deals d
  WHERE d.status IS NULL OR d.status = 'open'
  UNION ALL
  SELECT 13, 'deal', 'open without a close date', SUM(CASE WHEN d.closes_day IS NULL THEN 1 ELSE 0 END),
    COUNT(*), MIN(CASE WHEN d.closes_day IS NULL THEN d.handle ELSE NULL END)
  FROM deals d
  WHERE d.status IS NULL OR d.status = 'open'
  UNION ALL
  SELECT 14, 'deal', 'open past its close date', SUM(CASE WHEN d.closes_day < p.today_day THEN 1 ELSE 0 END),
    COUNT(*), MIN(CASE WHEN d.closes_day < p.today_day THEN d.handle ELSE NULL END)
  FROM deals d
  CROSS JOIN params p
  WHERE d.status IS NULL OR d.status = 'open'
  UNION ALL
  SELECT 15, 'deal', 'lost without a reason', SUM(CASE WHEN d.lost_reason IS NULL THEN 1 ELSE 0 END),
    COUNT(*), MIN(CASE WHEN d.lost_reason IS NULL THEN d.handle ELSE NULL END)
  FROM deals d
  WHERE d.status = 'lost'
  UNION ALL
  SELECT 16, 'case', 'open without an owner', SUM(CASE WHEN k.owner IS NULL THEN 1 ELSE 0 END),
    COUNT(*), MIN(CASE WHEN k.owner IS NULL THEN k.handle ELSE NULL END)
  FROM cases k
  WHERE k.status IS NULL OR k.status NOT IN ('solved', 'closed')
  UNION ALL
  SELECT 17, 'followup', 'late by more than 30 days', SUM(CASE WHEN f.due_day < p.today_day - 30 THEN 1 ELSE 0 END),
    COUNT(*), MIN(CASE WHEN f.due_day < p.today_day - 30 THEN f.handle ELSE NULL END)
  FROM followups f
  CROSS JOIN params p
  WHERE f.done IS NULL
)
SELECT g.kind AS kind, g.what AS what, COALESCE(g.records, 0) AS records, g.checked AS checked,
  CASE WHEN g.checked > 0
    THEN CAST((g.records * 200 + g.checked - (g.records * 200 + g.checked) % (g.checked * 2)) / (g.checked * 2) AS BIGINT)
    ELSE NULL END AS share,
  g.example AS example
FROM findings g
ORDER BY g.place
