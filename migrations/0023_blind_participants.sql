-- Whether somebody takes part in skipped mail in Bcc only: that is for the copy's owner alone (spec, section 5, Seeing), also when they become a contact later.
-- Of older rows nobody knows any more, so nobody else is told.
alter table sighting_participant add column blind boolean not null default true;
