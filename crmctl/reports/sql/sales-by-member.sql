-- title: Sales by member
-- question: Who of us sold how much?
-- filter: customer
-- column: member | text | left | Member
-- column: orders | integer | right | Orders
-- column: amount | money(currency) | right | Amount
-- column: currency | currency | left | Currency
-- column: customers | integer | right | Customers
-- column: handle | handle | left | Handle
-- total: orders, amount by currency
-- bar: amount by member
-- rows: SELECT COALESCE(i."by", c.owner) AS member, i.at_day, i.customer, i.amount_minor, i.currency, i.handle, i.path
-- rows: FROM interactions i LEFT JOIN customers c ON c.handle = i.customer
-- rows: WHERE i.type = 'purchase' AND i.amount_minor IS NOT NULL ORDER BY 1 NULLS LAST, i.at_day, i.handle
--
-- A sale belongs to the member who made it; where none is named, to the owner of the customer.
WITH sales AS (
  SELECT i.customer AS customer, i."by" AS seller, i.currency AS currency, COUNT(*) AS orders,
    SUM(i.amount_minor) AS amount
  FROM interactions i
  WHERE i.type = 'purchase' AND i.amount_minor IS NOT NULL
  GROUP BY i.customer, i."by", i.currency
),
credited AS (
  SELECT COALESCE(s.seller, c.owner) AS handle, s.currency AS currency, SUM(s.orders) AS orders,
    SUM(s.amount) AS amount, COUNT(DISTINCT s.customer) AS customers
  FROM sales s
  LEFT JOIN customers c ON c.handle = s.customer
  GROUP BY COALESCE(s.seller, c.owner), s.currency
)
SELECT COALESCE(m.name, g.handle, '(nobody)') AS member, g.orders AS orders, g.amount AS amount,
  g.currency AS currency, g.customers AS customers, g.handle AS handle
FROM credited g
CROSS JOIN params p
LEFT JOIN members m ON m.handle = g.handle
ORDER BY CASE WHEN g.currency = p.currency THEN 0 ELSE 1 END, g.currency NULLS LAST, g.amount DESC,
  g.handle NULLS LAST
