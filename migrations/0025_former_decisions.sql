-- What the ledger row says is its latest decision; a row of its own for that one cost an import a quarter of what the ledger costs. Here are the former ones, each with the time
-- at which it was made.
-- First: whoever decides meanwhile must find the trigger.
lock table sighting, decision in access exclusive mode;
delete from decision d using sighting s
where s.account_id = d.account_id and s.id = d.sighting_id and (s.state, s.rule, s.decided_at) = (d.state, d.rule, d.at);
alter table decision alter column at drop default;

-- By a trigger, so that nobody who decides anew can forget it. For each row: what touches most rows (renumbered, vanished) decides nothing, and isn't slowed down.
create function keep_former_decision() returns trigger language plpgsql as $$
begin
  insert into decision (account_id, sighting_id, state, rule, at) values (old.account_id, old.id, old.state, old.rule, old.decided_at);
  return null;
end $$;
create trigger sighting_decided_anew after update of state, rule on sighting
  for each row when ((old.state, old.rule) is distinct from (new.state, new.rule)) execute function keep_former_decision();
