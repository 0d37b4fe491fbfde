-- An operator's last hour and day.
create index inferences_by_operator on gateway.inferences (operator, created_at);
