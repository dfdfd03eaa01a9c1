-- title: Cases
-- question: What is unsolved, for how long, and did we keep our targets?
-- filter: case
-- column: priority | text | left | Priority
-- column: unsolved | integer | right | Open
-- column: week | integer | right | Up to 7 days
-- column: month | integer | right | Up to 30 days
-- column: older | integer | right | Older
-- column: oldest | integer | right | Oldest | days
-- column: unanswered | integer | right | Unanswered
-- column: answer_late | integer | right | Answered late
-- column: solve_late | integer | right | Past target
-- column: solved | integer | right | Solved | in 90 days
-- column: hours | integer | right | Mean time to solve | hours
-- total: unsolved, week, month, older, unanswered, answer_late, solve_late, solved
-- bar: unsolved by priority
-- rows: SELECT k.handle, k.name, k.customer, k.priority, k.status, k.opened_day, k.resolved_day, k.owner, k.path
-- rows: FROM cases k ORDER BY k.opened_day NULLS LAST, k.handle
--
-- "Answered late" and "past target" count open cases and those solved in the last 90 days.
WITH looked AS (
  SELECT COALESCE(k.priority, 'normal') AS priority,
    CASE WHEN k.status IN ('solved', 'closed') THEN 0 ELSE 1 END AS is_open,
    CASE WHEN k.status IN ('solved', 'closed') AND k.resolved_day > p.today_day - 90 THEN 1 ELSE 0 END AS is_solved,
    p.today_day - k.opened_day AS age,
    CASE WHEN k.responded_time IS NULL THEN 1 ELSE 0 END AS unanswered,
    CASE WHEN k.respond_by_time < COALESCE(k.responded_time, p.now_time) THEN 1 ELSE 0 END AS answer_late,
    CASE WHEN k.resolve_by_time < COALESCE(k.resolved_time, p.now_time) THEN 1 ELSE 0 END AS solve_late,
    k.resolved_time - k.opened_time AS seconds
  FROM cases k
  CROSS JOIN params p
),
counted AS (
  SELECT l.priority AS priority,
    SUM(l.is_open) AS unsolved,
    SUM(CASE WHEN l.is_open = 1 AND l.age <= 7 THEN 1 ELSE 0 END) AS week,
    SUM(CASE WHEN l.is_open = 1 AND l.age > 7 AND l.age <= 30 THEN 1 ELSE 0 END) AS month,
    SUM(CASE WHEN l.is_open = 1 AND l.age > 30 THEN 1 ELSE 0 END) AS older,
    MAX(CASE WHEN l.is_open = 1 THEN l.age ELSE NULL END) AS oldest,
    SUM(CASE WHEN l.is_open = 1 THEN l.unanswered ELSE 0 END) AS unanswered,
    SUM(l.answer_late) AS answer_late,
    SUM(l.solve_late) AS solve_late,
    SUM(l.is_solved) AS solved,
    SUM(CASE WHEN l.is_solved = 1 THEN l.seconds ELSE NULL END) AS seconds,
    COUNT(CASE WHEN l.is_solved = 1 THEN l.seconds ELSE NULL END) * 3600 AS divisor
  FROM looked l
  WHERE l.is_open = 1 OR l.is_solved = 1
  GROUP BY l.priority
)
SELECT g.priority AS priority, g.unsolved AS unsolved, g.week AS week, g.month AS month, g.older AS older,
  g.oldest AS oldest, g.unanswered AS unanswered, g.answer_late AS answer_late, g.solve_late AS solve_late,
  g.solved AS solved,
  CASE WHEN g.divisor > 0 THEN CAST((g.seconds - g.seconds % g.divisor) / g.divisor AS BIGINT) ELSE NULL END AS hours
FROM counted g
ORDER BY CASE g.priority WHEN 'urgent' THEN 1 WHEN 'high' THEN 2 WHEN 'normal' THEN 3 ELSE 4 END, g.priority
