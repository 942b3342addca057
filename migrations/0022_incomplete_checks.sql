-- Why a check ended before every folder was compared: the mailbox couldn't be read any more. Null: it came to its end, or is under way.
alter table mailbox_check add column error text;
