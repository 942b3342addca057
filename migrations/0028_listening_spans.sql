-- When each trigger listened: mail from outside its open span fires nothing, and "Why?" tells from all of them.
create table listening_span (
  account_id uuid not null,
  map_id uuid not null,
  trigger_id text not null,
  since timestamptz not null,
  -- When the map was paused; null while the trigger listens.
  until timestamptz,
  primary key (account_id, map_id, trigger_id, since),
  foreign key (account_id, map_id) references map (account_id, id) on delete cascade
);
create unique index on listening_span (account_id, map_id, trigger_id) where until is null;

-- The open spans begin where firing did until now (map.live_since). Pauses before that aren't known: counted as listened through, they leave "Why?"
-- without that reason, but never with a false one.
with listening as (
  select m.account_id, m.id, m.state, m.live_since, trigger->>'id' as trigger_id, min(earlier.published_at) as first
  from map m
  join map_version v on v.account_id = m.account_id and v.map_id = m.id and v.version = m.version
  cross join jsonb_array_elements(v.graph->'elements') trigger
  join map_version earlier on earlier.account_id = m.account_id and earlier.map_id = m.id
    and earlier.graph->'elements' @> jsonb_build_array(jsonb_build_object('id', trigger->'id', 'kind', trigger->'kind'))
  where trigger->>'kind' = 'email_received'
  group by m.account_id, m.id, trigger->>'id'
)
insert into listening_span (account_id, map_id, trigger_id, since, until)
select account_id, id, trigger_id, greatest(first, live_since), null from listening where state = 'published'
union all
select account_id, id, trigger_id, first, case state when 'published' then live_since else now() end
from listening where state = 'paused' or first < live_since;

alter table map drop column live_since;
