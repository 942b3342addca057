-- When each trigger listened, for "Why?": map.live_since holds the latest beginning only.
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

-- Pauses until now aren't known. Counted as listened through, they leave "Why?" without that reason, but never with a false one.
insert into listening_span (account_id, map_id, trigger_id, since, until)
select m.account_id, m.id, trigger->>'id', min(earlier.published_at), case m.state when 'paused' then now() end
from map m
join map_version v on v.account_id = m.account_id and v.map_id = m.id and v.version = m.version
cross join jsonb_array_elements(v.graph->'elements') trigger
join map_version earlier on earlier.account_id = m.account_id and earlier.map_id = m.id
  and earlier.graph->'elements' @> jsonb_build_array(jsonb_build_object('id', trigger->'id', 'kind', trigger->'kind'))
where trigger->>'kind' = 'email_received'
group by m.account_id, m.id, trigger->>'id';
