-- Keyed hashes of the participants of skipped mail stand in its ledger row. As rows of their own they cost an import as much as all the rest of the ledger: two indexes and a foreign key for each.
-- blind_strangers: those of them who stand in Bcc only, which is for the copy's owner alone (0023).
alter table sighting add column strangers bytea[], add column blind_strangers bytea[];

-- What it counts doesn't change, and it would hold all rows twice.
alter table sighting disable trigger sighting_changed;
update sighting s set strangers = p.hashes, blind_strangers = p.blind
from (
  select account_id, sighting_id, array_agg(hash) as hashes, array_agg(hash) filter (where blind) as blind
  from sighting_participant group by account_id, sighting_id) p
where s.account_id = p.account_id and s.id = p.sighting_id;
alter table sighting enable trigger sighting_changed;

drop table sighting_participant;
create index sighting_strangers on sighting using gin (strangers) where strangers is not null;
