-- title: Sales by customer
-- question: Who buys the most from us?
-- filter: customer
-- column: customer | text | left | Customer
-- column: orders | integer | right | Orders
-- column: amount | money(currency) | right | Amount
-- column: currency | currency | left | Currency
-- column: last | day-number | left | Last order
-- column: handle | handle | left | Handle
-- total: orders, amount by currency
-- bar: amount by customer
-- rows: SELECT i.customer, i.at_day, i.amount_minor, i.currency, i.handle, i.path FROM interactions i
-- rows: WHERE i.type = 'purchase' AND i.amount_minor IS NOT NULL ORDER BY i.customer, i.at_day, i.handle
WITH sales AS (
  SELECT i.customer AS handle, i.currency AS currency, COUNT(*) AS orders, SUM(i.amount_minor) AS amount,
    MAX(i.at_day) AS last_day
  FROM interactions i
  WHERE i.type = 'purchase' AND i.amount_minor IS NOT NULL
  GROUP BY i.customer, i.currency
)
SELECT COALESCE(c.name, s.handle) AS customer, s.orders AS orders, s.amount AS amount, s.currency AS currency,
  s.last_day AS last, s.handle AS handle
FROM sales s
CROSS JOIN params p
LEFT JOIN customers c ON c.handle = s.handle
ORDER BY CASE WHEN s.currency = p.currency THEN 0 ELSE 1 END, s.currency NULLS LAST, s.amount DESC, s.handle
