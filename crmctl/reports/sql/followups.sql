-- title: Follow-ups
-- question: What have we promised, and what is late?
-- filter: followup
-- column: due | day-number | left | Due
-- column: late | integer | right | Late | days
-- column: customer | text | left | Customer
-- column: what | text | left | What
-- column: owner | text | left | Owner
-- column: promised | boolean | left | Promised
-- column: handle | handle | left | Handle
-- rows: SELECT f.handle, f.due_day, f.customer, f.what, f.owner, f.promised, f.path FROM followups f
-- rows: WHERE f.done IS NULL ORDER BY f.due_day NULLS LAST, f.handle
--
-- A follow-up without an owner falls to the owner of its customer.
SELECT f.due_day AS due, CASE WHEN f.due_day < p.today_day THEN p.today_day - f.due_day ELSE 0 END AS late,
  COALESCE(c.name, f.customer) AS customer, f.what AS what, COALESCE(m.name, f.owner, c.owner) AS owner,
  COALESCE(f.promised, 0) AS promised, f.handle AS handle
FROM followups f
CROSS JOIN params p
LEFT JOIN customers c ON c.handle = f.customer
LEFT JOIN members m ON m.handle = COALESCE(f.owner, c.owner)
WHERE f.done IS NULL
ORDER BY f.due_day NULLS LAST, COALESCE(f.promised, 0) DESC, f.handle
