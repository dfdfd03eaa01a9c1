-- title: Sales by country
-- question: Where are the customers who buy from us?
-- filter: customer
-- column: country | text | left | Country
-- column: orders | integer | right | Orders
-- column: amount | money(currency) | right | Amount
-- column: currency | currency | left | Currency
-- column: customers | integer | right | Customers
-- column: code | text | left | Code
-- total: orders, amount, customers by currency
-- bar: amount by country
-- rows: SELECT c.address_country AS country, i.customer, i.at_day, i.amount_minor, i.currency, i.handle, i.path
-- rows: FROM interactions i LEFT JOIN customers c ON c.handle = i.customer
-- rows: WHERE i.type = 'purchase' AND i.amount_minor IS NOT NULL ORDER BY 1 NULLS LAST, i.customer, i.at_day, i.handle
WITH sales AS (
  SELECT i.customer AS customer, i.currency AS currency, COUNT(*) AS orders, SUM(i.amount_minor) AS amount
  FROM interactions i
  WHERE i.type = 'purchase' AND i.amount_minor IS NOT NULL
  GROUP BY i.customer, i.currency
),
placed AS (
  SELECT c.address_country AS code, s.currency AS currency, SUM(s.orders) AS orders, SUM(s.amount) AS amount,
    COUNT(*) AS customers
  FROM sales s
  LEFT JOIN customers c ON c.handle = s.customer
  GROUP BY c.address_country, s.currency
)
SELECT COALESCE(n.name, g.code, '(unknown)') AS country, g.orders AS orders, g.amount AS amount,
  g.currency AS currency, g.customers AS customers, g.code AS code
FROM placed g
CROSS JOIN params p
LEFT JOIN countries n ON n.code = g.code
ORDER BY CASE WHEN g.currency = p.currency THEN 0 ELSE 1 END, g.currency NULLS LAST, g.amount DESC,
  g.code NULLS LAST
