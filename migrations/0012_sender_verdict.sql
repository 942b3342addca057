-- Whose word counts about the senders of a mailbox's mail (spec B6): the authserv-id of its own server (RFC 8601), "*.domain" for all hosts of it.
-- learned: Letterlog finds it out, and authserv_id is null until then; given: a person said so; off: senders aren't checked.
alter table connection
  add column sender_check text not null default 'learned',
  add column authserv_id text,
  add constraint connection_sender_check_check check (sender_check in ('learned', 'given', 'off')),
  add constraint connection_authserv_id_check check (sender_check <> 'given' or authserv_id is not null);

-- Whether the sender is who From says, by the server that holds this copy. Null: not logged, or from before. verdict_by null: found by Letterlog itself, or by nobody.
-- Not validated: all there is is null, and the table may be large.
alter table sighting
  add column verdict text,
  add column verdict_by text,
  add column verdict_results text,
  add constraint sighting_verdict_check check (verdict in ('pass', 'fail', 'none')) not valid;
