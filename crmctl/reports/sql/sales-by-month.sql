-- title: Sales by month
-- question: How much did we sell in each month, in each currency?
-- filter: customer
-- column: month | month | left | Month
-- column: orders | integer | right | Orders
-- column: amount | money(currency) | right | Amount
-- column: currency | currency | left | Currency
-- total: orders, amount by currency
-- bar: amount by month
-- rows: SELECT i.at_day, i.customer, i.amount_minor, i.currency, i.handle, i.path FROM interactions i
-- rows: WHERE i.type = 'purchase' AND i.amount_minor IS NOT NULL ORDER BY i.at_day, i.handle
SELECT i.at_month AS month, COUNT(*) AS orders, SUM(i.amount_minor) AS amount, i.currency AS currency
FROM interactions i
WHERE i.type = 'purchase' AND i.amount_minor IS NOT NULL
GROUP BY i.at_month, i.currency
ORDER BY i.at_month NULLS LAST, i.currency NULLS LAST
