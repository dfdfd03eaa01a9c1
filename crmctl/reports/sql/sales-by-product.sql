-- title: Sales by product
-- question: What do we earn our money with?
-- filter: customer
-- column: product | text | left | Product
-- column: orders | integer | right | Orders
-- column: amount | money(currency) | right | Amount
-- column: currency | currency | left | Currency
-- column: quantity | milli | right | Quantity
-- column: handle | handle | left | Handle
-- total: amount by currency
-- bar: amount by product
-- rows: SELECT i.at_day, i.customer, l.product, l.quantity_milli, l.price_minor, i.amount_minor AS paid_minor, i.currency,
-- rows: i.handle, i.path FROM interactions i LEFT JOIN interactions_lines l ON l.owner = i.row_id
-- rows: WHERE i.type = 'purchase' AND i.amount_minor IS NOT NULL ORDER BY i.at_day, i.handle, l.position
--
-- An order counts once for every product in it, so orders are not added up; amounts are, to what was paid.
-- What the lines leave of the amount belongs to the one line without a price, else to "(other)": postage, discounts.
WITH bought AS (
  SELECT i.row_id AS purchase, i.currency AS currency, i.amount_minor AS paid, l.product AS product,
    COALESCE(l.quantity_milli, 1000) AS quantity, COALESCE(l.quantity_milli, 1000) * l.price_minor AS thousandths
  FROM interactions_lines l
  JOIN interactions i ON i.row_id = l.owner
  WHERE i.type = 'purchase' AND i.amount_minor IS NOT NULL
),
priced AS (
  SELECT b.purchase, b.currency, b.paid, b.product, b.quantity,
    CAST((ABS(b.thousandths) + 500 - (ABS(b.thousandths) + 500) % 1000) / 1000 AS BIGINT)
      * CASE WHEN b.thousandths < 0 THEN -1 ELSE 1 END AS amount
  FROM bought b
),
whole AS (
  SELECT w.purchase, w.currency, w.paid - SUM(COALESCE(w.amount, 0)) AS rest,
    SUM(CASE WHEN w.amount IS NULL THEN 1 ELSE 0 END) AS unpriced
  FROM priced w
  GROUP BY w.purchase, w.currency, w.paid
),
parts AS (
  SELECT l.product AS product, 0 AS other, l.purchase AS purchase, l.currency AS currency, l.quantity AS quantity,
    CASE WHEN l.amount IS NULL AND w.unpriced = 1 THEN w.rest ELSE COALESCE(l.amount, 0) END AS amount
  FROM priced l
  JOIN whole w ON w.purchase = l.purchase
  UNION ALL
  SELECT NULL, 1, w.purchase, w.currency, NULL, w.rest
  FROM whole w
  WHERE w.rest <> 0 AND w.unpriced <> 1
  UNION ALL
  SELECT NULL, 0, i.row_id, i.currency, NULL, i.amount_minor
  FROM interactions i
  WHERE i.type = 'purchase' AND i.amount_minor IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM interactions_lines l WHERE l.owner = i.row_id)
),
sold AS (
  SELECT s.product AS handle, s.other AS other, s.currency AS currency, COUNT(DISTINCT s.purchase) AS orders,
    SUM(s.amount) AS amount, SUM(s.quantity) AS quantity
  FROM parts s
  GROUP BY s.product, s.other, s.currency
)
SELECT CASE WHEN g.other = 1 THEN '(other)' ELSE COALESCE(r.name, g.handle, '(no product)') END AS product,
  g.orders AS orders, g.amount AS amount, g.currency AS currency, g.quantity AS quantity, g.handle AS handle
FROM sold g
CROSS JOIN params p
LEFT JOIN products r ON r.handle = g.handle
ORDER BY CASE WHEN g.currency = p.currency THEN 0 ELSE 1 END, g.currency NULLS LAST, g.amount DESC,
  g.handle NULLS LAST, g.other
