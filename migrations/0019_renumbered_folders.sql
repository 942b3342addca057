-- How often in a row the server has renumbered the folder with mail in it, and when last: numbers that change all the time say nothing (connections/unsteady.ts).
alter table folder add column renumberings int not null default 0;
alter table folder add column renumbered_at timestamptz;
