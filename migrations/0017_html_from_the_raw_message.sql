-- HTML was more than half of what an import sent to the database, and nothing but the opening of one message reads it: it is taken from the raw message then.
-- Of what was stored before, whether there is any is found out by looking.
alter table message add column has_html boolean not null default true;
alter table message drop column html;
