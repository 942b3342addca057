-- Whether a message lay in the folder before it was ticked is told by its number; where the server has renumbered the folder since, only by when it was received.
alter table folder add column chosen_at timestamptz;
-- When those were ticked isn't known: in doubt nothing fires.
update folder set chosen_at = now() where chosen_cursor is not null;
alter table folder add check ((chosen_cursor is null) = (chosen_at is null));
