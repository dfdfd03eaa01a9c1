-- title: Losing touch
-- question: Who has not heard from us for too long?
-- filter: customer
-- column: customer | text | left | Customer
-- column: last | day-number | left | Last
-- column: silent | integer | right | Silent | days
-- column: cadence | integer | right | Cadence | days
-- column: overdue | integer | right | Overdue | days
-- column: reason | text | left | Reason
-- column: owner | handle | left | Owner
-- column: next | day-number | left | Next
-- column: handle | handle | left | Handle
-- bar: overdue by customer
-- rows: SELECT c.handle, c.name, c.last_day, c.cadence, c.lifecycle, c.owner, c.path FROM customers c
-- rows: ORDER BY c.last_day NULLS LAST, c.handle
--
-- Too long is longer than the customer's cadence, or than 90 days without one. Left out are those who want no contact
-- at all, and former customers and people never talked to, unless they have a cadence. An organization is as well in
-- touch as the best of its people.
WITH people AS (
  SELECT c.organization AS organization, MAX(c.last_day) AS last_day
  FROM all_customers c
  WHERE c.organization IS NOT NULL
  GROUP BY c.organization
),
blocked AS (
  SELECT n.owner AS owner
  FROM customers_do_not_contact n
  WHERE n.value = 'all'
  GROUP BY n.owner
),
seen AS (
  SELECT c.handle AS handle, c.name AS name, c.owner AS owner, c.cadence AS cadence, c.next_day AS next_day,
    COALESCE(c.cadence, 90) AS allowed, p.today_day AS today_day,
    CASE WHEN o.last_day IS NULL OR o.last_day < c.last_day THEN c.last_day ELSE o.last_day END AS last_day
  FROM customers c
  CROSS JOIN params p
  LEFT JOIN people o ON o.organization = c.handle
  LEFT JOIN blocked b ON b.owner = c.row_id
  WHERE b.owner IS NULL AND (c.cadence IS NOT NULL OR c.lifecycle IS NULL OR c.lifecycle <> 'former')
)
SELECT s.name AS customer, s.last_day AS last, s.today_day - s.last_day AS silent, s.cadence AS cadence,
  s.today_day - s.last_day - s.allowed AS overdue,
  CASE WHEN s.last_day IS NULL THEN 'never contacted'
    WHEN s.cadence IS NULL THEN 'no contact for 90 days'
    ELSE 'past the cadence' END AS reason,
  s.owner AS owner, s.next_day AS next, s.handle AS handle
FROM seen s
WHERE s.today_day - s.last_day > s.allowed OR (s.last_day IS NULL AND s.cadence IS NOT NULL)
ORDER BY s.today_day - s.last_day - s.allowed DESC NULLS LAST, s.handle
