-- title: Customers
-- question: How many customers do we have at each point of their way, how many of them are alive?
-- filter: customer
-- column: lifecycle | text | left | Lifecycle
-- column: customers | integer | right | Customers
-- column: new_this_year | integer | right | New this year
-- column: active | integer | right | Active | in 90 days
-- column: buyers | integer | right | Buyers
-- column: spent | money(currency) | right | Spent
-- column: currency | currency | left | Currency
-- total: customers, new_this_year, active, buyers, spent by currency
-- bar: customers by lifecycle
-- rows: SELECT c.handle, c.name, c.lifecycle, c.first_day, c.last_day, c.orders, c.spent_minor, p.currency
-- rows: FROM customers c CROSS JOIN params p ORDER BY c.lifecycle NULLS LAST, c.handle
WITH counted AS (
  SELECT c.lifecycle AS lifecycle, COUNT(*) AS customers,
    SUM(CASE WHEN c.first_day >= p.year_day AND c.first_day <= p.today_day THEN 1 ELSE 0 END) AS new_this_year,
    SUM(CASE WHEN c.last_day > p.today_day - 90 THEN 1 ELSE 0 END) AS active,
    SUM(CASE WHEN c.orders > 0 THEN 1 ELSE 0 END) AS buyers,
    SUM(COALESCE(c.spent_minor, 0)) AS spent
  FROM customers c
  CROSS JOIN params p
  GROUP BY c.lifecycle
)
SELECT COALESCE(g.lifecycle, '(none)') AS lifecycle, g.customers AS customers, g.new_this_year AS new_this_year,
  g.active AS active, g.buyers AS buyers, g.spent AS spent, p.currency AS currency
FROM counted g
CROSS JOIN params p
ORDER BY CASE g.lifecycle WHEN 'lead' THEN 1 WHEN 'prospect' THEN 2 WHEN 'customer' THEN 3 WHEN 'former' THEN 5 ELSE 4 END,
  g.lifecycle NULLS LAST
