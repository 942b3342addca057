-- Text as the search of contacts compares it: without case, marks and the letters that Unicode doesn't take apart. Not by the extension unaccent
-- (docs/decisions/0028).
create function folded(text) returns text language sql immutable parallel safe as $$
  -- Most addresses are ASCII, which needs none of this.
  select case when octet_length($1) = char_length($1) then lower($1) else lower(normalize(
    replace(replace(replace(replace(replace(replace(replace(replace(
      translate(regexp_replace(normalize($1, NFD), '[\u0300-\u036f]+', '', 'g'), 'łŁøØđĐðÐħĦŧŦıς', 'lLoOdDdDhHtTiσ'),
      'ß', 'ss'), 'ẞ', 'ss'), 'æ', 'ae'), 'Æ', 'ae'), 'œ', 'oe'), 'Œ', 'oe'), 'þ', 'th'), 'Þ', 'th'),
    NFC)) end
$$;

drop index contact_by_words;
alter table contact
  add words text not null generated always as (folded(first_name || ' ' || last_name || ' ' || company)) stored;
create index contact_by_words on contact using gin (words gin_trgm_ops);

drop index contact_address_by_words;
alter table contact_address add words text not null generated always as (folded(address)) stored;
create index contact_address_by_words on contact_address using gin (words gin_trgm_ops);
