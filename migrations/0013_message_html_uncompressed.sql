-- PostgreSQL's own compression (pglz) takes 0.7 ms for a typical HTML body: more than all else that storing a message costs. lz4 isn't in every build.
alter table message alter column html set storage external;
