-- Search over every register: one table of documents, kept right by triggers in the transaction of each change.
-- docs/adr/0009-search-documents.md says why it is made this way, docs/search.md what a user sees of it.

-- ---- words

-- The words of a text, folded and separated by one space: compatibility decomposition, no diacritics, lower case,
-- letters that decompose into nothing written out. `grc_search::fold` does the same to a query, and a test compares
-- the two. It needs no extension and does not depend on the database's locale.
CREATE FUNCTION search_fold(input text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS
$$
DECLARE
    folded text;
BEGIN
    IF octet_length(input) = length(input) THEN
        RETURN btrim(regexp_replace(lower(input COLLATE "C"), '[^a-z0-9]+', ' ', 'g'));
    END IF;
    folded := normalize(input, NFKD) COLLATE "C";
    folded := regexp_replace(folded, '[\u0300-\u036F\u1AB0-\u1AFF\u1DC0-\u1DFF\u20D0-\u20FF\uFE00-\uFE0F\uFE20-\uFE2F\u00AD\u200B-\u200D\u2060\uFEFF]+', '', 'g');
    folded := lower(folded COLLATE "und-x-icu") COLLATE "C";
    folded := translate(folded, U&'\00F8\0142\0111\00F0\0127\0131\0167\03C2', U&'olddhit\03C3');
    folded := replace(replace(replace(replace(folded, U&'\00DF', 'ss'), U&'\00E6', 'ae'), U&'\0153', 'oe'), U&'\00FE', 'th');
    folded := regexp_replace(folded, '[^a-z0-9\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u0588\u0590-\u05BD\u05BF-\u060B\u060D-\u061A\u061C-\u061E\u0620-\u0963\u0966-\u167F\u1681-\u1FFF\u2C00-\u2DFF\u3040-\uD7FF\uF900-\uFDFF\uFE70-\uFEFE\U00010000-\U0001EFFF\U00020000-\U0003FFFF]+', ' ', 'g');
    -- Scripts that put no space between words: each sign is a word, and a word of a query the phrase of its signs.
    folded := regexp_replace(folded, '([\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\U00020000-\U0003FFFF])', ' \1 ', 'g');
    RETURN btrim(regexp_replace(folded, ' +', ' ', 'g'));
END
$$;

-- What every lexeme of an organization begins with. An index entry is thus one organization's, and a search costs
-- what that organization holds, however many there are. Two that shared it would only cost each other time.
CREATE FUNCTION search_token(org uuid) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS
$$ SELECT translate(encode(substring(uuid_send(org) FROM 11 FOR 6), 'base64'), '+/', '-_') $$;

-- A record's slice, one of 64, by which a search for a common word stops early.
CREATE FUNCTION search_slice(record uuid) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS
$$ SELECT substr('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_', (get_byte(uuid_send(record), 15) & 63) + 1, 1) $$;

-- Words as the text of a tsvector.
CREATE FUNCTION search_lexemes(prefix text, words text[], start integer, weight text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$
SELECT string_agg(prefix || left(word, 64) || ':' || least(start + place, 16383) || weight, ' ')
  FROM unnest(words) WITH ORDINALITY AS parts (word, place)
$$;

-- What a document is found by and shown with. `names` (the title among them) weigh most, then `texts`, then `deep`.
-- Each is cut, so that no record is too long to be stored: a tsvector holds a megabyte.
CREATE FUNCTION search_document(org uuid, kind text, record uuid, title text, names text[], texts text[], deep text,
                                OUT shown text, OUT body text, OUT head tsvector, OUT words tsvector)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS
$$
DECLARE
    token  text := search_token(org) || search_slice(record);
    parts  text[];
    named  text;
    lines  text := '';
    heads  text := '';
    exact  text := '';
    place  integer := 0;
BEGIN
    body := left(nullif(concat_ws(E'\n', VARIADIC texts), ''), 100000);
    shown := left(coalesce(nullif(title, ''), (SELECT n FROM unnest(names) n WHERE n <> '' LIMIT 1), body, ''), 200);
    FOREACH named IN ARRAY array_append(names, shown) LOOP
        CONTINUE WHEN coalesce(named, '') = '';
        parts := ARRAY(SELECT left(w, 64) FROM unnest((string_to_array(search_fold(left(named, 1000)), ' '))[:200]) w);
        CONTINUE WHEN coalesce(cardinality(parts), 0) = 0;
        lines := concat_ws(' ', lines, search_lexemes(token, parts, place, 'A'));
        heads := concat_ws(' ', heads, search_lexemes('', parts, place, 'A'));
        exact := concat_ws(' ', exact, token || '^' || array_to_string(parts, ' ' || token || '^'),
                           token || '=' || left(array_to_string(parts, '_'), 120));
        -- A phrase does not run from one member into the next.
        place := place + cardinality(parts) + 8;
    END LOOP;
    IF body IS NOT NULL THEN
        parts := (string_to_array(search_fold(body), ' '))[:10000];
        lines := concat_ws(' ', lines, search_lexemes(token, parts, place, 'B'));
        heads := concat_ws(' ', heads, search_lexemes('', parts[:200], place, 'B'));
        place := place + coalesce(cardinality(parts), 0) + 8;
    END IF;
    IF deep IS NOT NULL THEN
        -- Both at their longest, in a script of four bytes a letter, would be too much for one tsvector.
        deep := left(deep, CASE WHEN octet_length(body) > 300000 THEN 40000 ELSE 100000 END);
        parts := (string_to_array(search_fold(deep), ' '))[:10000];
        lines := concat_ws(' ', lines, search_lexemes(token, parts, place, 'D'));
    END IF;
    head := heads::tsvector;
    words := concat_ws(' ', lines, exact, token || '.' || kind)::tsvector;
END
$$;

-- ---- documents

CREATE TABLE search_documents (
    org_id      uuid        NOT NULL,
    kind        text        COLLATE "C" NOT NULL,
    record_id   uuid        NOT NULL,
    title       text        NOT NULL,
    body        text,
    parent_kind text        COLLATE "C",
    parent_id   uuid,
    head        tsvector    NOT NULL,
    words       tsvector    NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (org_id, kind, record_id)
) WITH (fillfactor = 80);
-- (Room in its pages, so that a change of the time alone writes into no index.)
-- A list of pending entries would be read by every probe of a search.
CREATE INDEX search_documents_words ON search_documents USING gin (words) WITH (fastupdate = off);
CREATE INDEX search_documents_people ON search_documents (record_id) WHERE kind = 'user';
CALL protect_tenant_table('search_documents');
-- Only the triggers write, as the owner of the table.
REVOKE INSERT, UPDATE, DELETE ON search_documents FROM grc_app;
-- The owner's functions below compare the organization themselves: a policy of the table would be tested before a
-- search condition is, and so keep it from using its index.
CREATE POLICY owner ON search_documents TO CURRENT_USER USING (true) WITH CHECK (true);

-- Makes a table searchable: its rows are documents of a kind from here on, those that are there too.
--
-- `title` is the column that names a record; `names` are further columns of one line, `texts` those of more. `parent`
-- is the column with the id of a record of `parent_kind`. Rows whose column `gone` holds the word `gone_word` are no
-- documents. `deep` names a table with more text of a record: the table, its column with the record's id, that with
-- the text. `stamp` is an expression for when the row was changed.
CREATE PROCEDURE make_searchable(source text, kind text, title text, names text[] DEFAULT '{}', texts text[] DEFAULT '{}',
                                 parent text DEFAULT NULL, parent_kind text DEFAULT NULL,
                                 gone text DEFAULT NULL, gone_word text DEFAULT NULL,
                                 deep text[] DEFAULT NULL, stamp text DEFAULT 'c.updated_at')
LANGUAGE plpgsql AS
$$
DECLARE
    columns text[] := (SELECT array_agg(DISTINCT c) FROM unnest(array_remove(ARRAY[title, parent, gone] || names || texts, NULL)) c);
    picked  text;
    same    text;
    lives   text := 'c.org_id IS NOT NULL';
    watched text;
BEGIN
    IF gone IS NOT NULL THEN
        lives := lives || format(' AND c.%I IS DISTINCT FROM %L', gone, gone_word);
    END IF;
    SELECT string_agg(format('c.%1$I IS NOT DISTINCT FROM f.%1$I', c), ' AND ') INTO same FROM unnest(columns) c;
    -- Which rows, and on what condition, is said where it is used. The words are made only of rows that are left then.
    picked := format(
        'INSERT INTO search_documents (org_id, kind, record_id, title, body, parent_kind, parent_id, head, words, updated_at) '
        'SELECT c.org_id, %L, c.id, d.shown, d.body, %L, %s, d.head, d.words, %s '
        'FROM (SELECT c.* FROM %%s c WHERE %s%%s OFFSET 0) c '
        'CROSS JOIN LATERAL search_document(c.org_id, %L, c.id, %s, ARRAY[%s]::text[], ARRAY[%s]::text[], %s) d '
        'ON CONFLICT (org_id, kind, record_id) DO UPDATE SET title = excluded.title, body = excluded.body, '
        'parent_kind = excluded.parent_kind, parent_id = excluded.parent_id, head = excluded.head, '
        'words = excluded.words, updated_at = excluded.updated_at',
        kind, parent_kind, CASE WHEN parent IS NULL THEN 'NULL::uuid' ELSE format('c.%I', parent) END, stamp, lives, kind,
        format('c.%I::text', title),
        (SELECT string_agg(format('c.%I', c), ', ') FROM unnest(names) c),
        (SELECT string_agg(format('c.%I', c), ', ') FROM unnest(texts) c),
        CASE WHEN deep IS NULL THEN 'NULL::text' ELSE format(
            '(SELECT left(t.%I, 100000) FROM %I t WHERE t.org_id = c.org_id AND t.%I = c.id)', deep[3], deep[1], deep[2]) END);
    EXECUTE format(
        $f$CREATE FUNCTION %1$I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $body$
BEGIN
    IF TG_OP = 'INSERT' THEN
        %2$s;
    ELSIF TG_OP = 'DELETE' THEN
        DELETE FROM search_documents d USING former c WHERE d.org_id = c.org_id AND d.kind = %4$L AND d.record_id = c.id;
    ELSE
        DELETE FROM search_documents d USING changed c
         WHERE d.org_id = c.org_id AND d.kind = %4$L AND d.record_id = c.id AND NOT (%5$s);
        %3$s;
        UPDATE search_documents d SET updated_at = %6$s FROM changed c
         WHERE d.org_id = c.org_id AND d.kind = %4$L AND d.record_id = c.id AND d.updated_at <> %6$s;
    END IF;
    RETURN NULL;
END
$body$ $f$,
        'search_of_' || source, format(picked, 'changed', ''),
        format(picked, 'changed', format(' AND NOT EXISTS (SELECT FROM former f WHERE f.org_id = c.org_id AND f.id = c.id AND %s)', same)),
        kind, lives, stamp);
    EXECUTE format('REVOKE ALL ON FUNCTION %I() FROM PUBLIC', 'search_of_' || source);
    EXECUTE format('CREATE TRIGGER search_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS changed '
                   'FOR EACH STATEMENT EXECUTE FUNCTION %I()', source, 'search_of_' || source);
    EXECUTE format('CREATE TRIGGER search_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS former NEW TABLE AS changed '
                   'FOR EACH STATEMENT EXECUTE FUNCTION %I()', source, 'search_of_' || source);
    EXECUTE format('CREATE TRIGGER search_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS former '
                   'FOR EACH STATEMENT EXECUTE FUNCTION %I()', source, 'search_of_' || source);
    IF deep IS NOT NULL THEN
        watched := format('(SELECT s.* FROM %I s JOIN touched t ON t.org_id = s.org_id AND t.%I = s.id)', source, deep[2]);
        EXECUTE format(
            $f$CREATE FUNCTION %1$I() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $body$
BEGIN
    %2$s;
    RETURN NULL;
END
$body$ $f$, 'search_of_' || deep[1], format(picked, watched, ''));
        EXECUTE format('REVOKE ALL ON FUNCTION %I() FROM PUBLIC', 'search_of_' || deep[1]);
        EXECUTE format('CREATE TRIGGER search_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS touched '
                       'FOR EACH STATEMENT EXECUTE FUNCTION %I()', deep[1], 'search_of_' || deep[1]);
        EXECUTE format('CREATE TRIGGER search_update AFTER UPDATE ON %I REFERENCING NEW TABLE AS touched '
                       'FOR EACH STATEMENT EXECUTE FUNCTION %I()', deep[1], 'search_of_' || deep[1]);
        EXECUTE format('CREATE TRIGGER search_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS touched '
                       'FOR EACH STATEMENT EXECUTE FUNCTION %I()', deep[1], 'search_of_' || deep[1]);
        EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', deep[1]);
    END IF;
    -- The owner of a table is under its policy too, and would see no row.
    EXECUTE format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', source);
    EXECUTE format(picked, format('%I', source), '');
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', source);
    IF deep IS NOT NULL THEN
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', deep[1]);
    END IF;
END
$$;

-- Takes back what `make_searchable` did to a table (or to its table of more text).
CREATE PROCEDURE make_unsearchable(source text, kind text) LANGUAGE plpgsql AS
$$
BEGIN
    EXECUTE format('DROP FUNCTION %I() CASCADE', 'search_of_' || source);
    EXECUTE 'DELETE FROM search_documents d WHERE d.kind = $1' USING kind;
END
$$;

-- ---- searching

-- The documents that a search may show, at most `most`, each with its score, and a last row without an id that says
-- how many there are and whether there may be more.
--
-- `called` is a tsquery for records that are called so, `terms` are tsqueries that all must hold, `rest` is one of what
-- must hold besides, `phrases` one of what no index knows; in each ~ stands for what the lexemes of the caller's
-- organization and of a slice begin with. `rank` is a tsquery without it. Three passes: records that are called so,
-- those whose names hold the terms, all others.
--
-- However common the words are, the work is bounded. An index of words reads all that it knows of a word, so each slice
-- is asked by itself, and the search ends when it has enough. What begins with a word is read whole even where another
-- word is rare, so the first slice tells how common each term is: where one is rare, it alone is asked of the index
-- and the rest of the documents it leads to; where all are common, not all slices are looked at.
--
-- It runs as the owner of the table, and compares the organization with the transaction's itself.
CREATE FUNCTION search_candidates(called text, terms text[], rest text, phrases text, rank text, kinds text[], most integer)
RETURNS TABLE (kind text, record_id uuid, score bigint, updated_at timestamptz, cut boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp
-- Whatever the statistics say, a search goes through the index of words.
SET enable_seqscan = off SET enable_indexscan = off SET enable_indexonlyscan = off SET jit = off
SET max_parallel_workers_per_gather = 0
AS
$$
#variable_conflict use_column
DECLARE
    org     uuid := app_org();
    token   text := search_token(app_org());
    slices  text := 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    ranked  tsquery := rank::tsquery;
    named   text := replace('(' || array_to_string(terms, ' & ') || ')', '~', '~^');
    few     integer := 150;
    many    integer := 1000;
    asked   text[];
    query   text;
    filter  text;
    prefix  text;
    wanted  tsquery;
    fitting tsquery;
    found   integer := 0;
    more    boolean := false;
    last    integer;
    room    integer;
    taken   integer;
    least   integer;
    common  integer;
    one     record;
BEGIN
    FOR pass IN 1..3 LOOP
        last := 64;
        filter := phrases;
        IF pass = 1 THEN
            query := called;
        ELSE
            asked := CASE pass WHEN 2 THEN ARRAY(SELECT replace(t, '~', '~^') FROM unnest(terms) t) ELSE terms END;
            query := array_to_string(asked, ' & ');
            IF cardinality(terms) > 1 THEN
                least := many + 1;
                common := 0;
                FOR place IN 1..least(cardinality(asked), 8) LOOP
                    wanted := replace(asked[place], '~', token || left(slices, 1))::tsquery;
                    taken := (SELECT count(*) FROM (SELECT FROM search_documents d
                                                     WHERE d.words @@ wanted AND (d.org_id = org) IS TRUE LIMIT many) s);
                    common := greatest(common, taken);
                    IF taken < least THEN
                        least := taken;
                        query := asked[place];
                    END IF;
                    EXIT WHEN taken < few / 10;
                END LOOP;
                IF least < few THEN
                    filter := concat_ws(' & ', filter, array_to_string(array_remove(asked, query), ' & '));
                ELSE
                    query := array_to_string(asked, ' & ');
                    last := CASE WHEN common < many THEN 64 ELSE 8 END;
                END IF;
            END IF;
            query := query || rest;
            -- What an earlier pass found is not found again.
            filter := concat_ws(' & ', filter, '!(' || called || ')', CASE pass WHEN 3 THEN '!' || named END);
        END IF;
        FOR piece IN 1..last LOOP
            prefix := token || substr(slices, piece, 1);
            wanted := replace(query, '~', prefix)::tsquery;
            fitting := replace(nullif(filter, ''), '~', prefix)::tsquery;
            -- A phrase is looked for in documents, which takes longer.
            room := CASE WHEN phrases IS NULL THEN 4 * most WHEN last < 64 THEN 250 ELSE 60 END;
            taken := 0;
            FOR one IN
                SELECT d.kind, d.record_id, d.updated_at,
                       CASE WHEN fitting IS NULL OR d.words @@ fitting
                            THEN ts_rank_cd('{0.05, 0.2, 0.4, 1.0}', d.head, ranked, 33) END AS part
                  FROM search_documents d
                 WHERE d.words @@ wanted AND (d.org_id = org) IS TRUE AND (d.kind = ANY (kinds)) IS TRUE
                 LIMIT room
            LOOP
                taken := taken + 1;
                IF one.part IS NOT NULL THEN
                    found := found + 1;
                    kind := one.kind;
                    record_id := one.record_id;
                    score := (4 - pass) * 1000000 + floor(999999 * one.part);
                    updated_at := one.updated_at;
                    cut := false;
                    RETURN NEXT;
                    EXIT WHEN found >= most;
                END IF;
            END LOOP;
            more := more OR taken >= room OR found >= most;
            EXIT WHEN found >= most;
        END LOOP;
        more := more OR last < 64;
        EXIT WHEN found >= most;
    END LOOP;
    kind := NULL;
    record_id := NULL;
    score := found;
    updated_at := NULL;
    cut := more;
    RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION search_candidates(text, text[], text, text, text, text[], integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_candidates(text, text[], text, text, text, text[], integer) TO grc_app;

-- ---- what is searched

-- A line for every declared resource with searched members, in the order of the registry.
CALL make_searchable('controls', 'control', 'name', ARRAY['ref_id'], ARRAY['description']);
CALL make_searchable('assessments', 'assessment', 'name', '{}', ARRAY['scope']);
CALL make_searchable('findings', 'finding', 'control_title', ARRAY['control_ref'], ARRAY['rationale', 'remediation_notes'], parent => 'assessment_id', parent_kind => 'assessment');
CALL make_searchable('evidence', 'evidence', 'filename', gone => 'status', gone_word => 'deleted', deep => ARRAY['evidence_texts', 'evidence_id', 'text']);
CALL make_searchable('reports', 'report', 'title');
CALL make_searchable('risks', 'risk', 'title', ARRAY['ref_id'], ARRAY['description']);
CALL make_searchable('risk_treatments', 'risk_treatment', 'title', '{}', ARRAY['description'], parent => 'risk_id', parent_kind => 'risk');
CALL make_searchable('risk_acceptances', 'risk_acceptance', 'justification', '{}', ARRAY['justification'], parent => 'risk_id', parent_kind => 'risk');
CALL make_searchable('kris', 'kri', 'name', ARRAY['source'], ARRAY['description']);
CALL make_searchable('kri_breaches', 'kri_breach', 'kri_name', parent => 'kri_id', parent_kind => 'kri');
CALL make_searchable('fair_analyses', 'fair_analysis', 'name', '{}', ARRAY['description']);
CALL make_searchable('risk_scenarios', 'risk_scenario', 'top_event', '{}', ARRAY['description']);
CALL make_searchable('vendors', 'vendor', 'name', ARRAY['legal_name', 'latin_name'], ARRAY['description']);
CALL make_searchable('vendor_services', 'vendor_service', 'name', ARRAY['function_name'], ARRAY['description'], parent => 'vendor_id', parent_kind => 'vendor');
CALL make_searchable('vendor_contracts', 'vendor_contract', 'reference', ARRAY['title'], ARRAY['description']);
CALL make_searchable('vendor_questionnaires', 'vendor_questionnaire', 'name', '{}', ARRAY['description']);
CALL make_searchable('vendor_assessments', 'vendor_assessment', 'title', '{}', ARRAY['notes']);
CALL make_searchable('a2a_grants', 'a2a_grant', 'partner');
CALL make_searchable('issued_attestations', 'issued_attestation', 'partner');
CALL make_searchable('incidents', 'incident', 'title', '{}', ARRAY['description']);
CALL make_searchable('incident_timeline', 'incident_timeline_entry', 'description', '{}', ARRAY['description'], parent => 'incident_id', parent_kind => 'incident');
CALL make_searchable('incident_tasks', 'incident_task', 'title', '{}', ARRAY['description'], parent => 'incident_id', parent_kind => 'incident');
CALL make_searchable('incident_reviews', 'incident_review', 'root_cause', '{}', ARRAY['root_cause'], parent => 'incident_id', parent_kind => 'incident');
CALL make_searchable('incident_evidence', 'incident_evidence', 'filename', '{}', ARRAY['notes'], parent => 'incident_id', parent_kind => 'incident');
CALL make_searchable('opa_policies', 'opa_policy', 'policy_id', '{}', ARRAY['rego']);
CALL make_searchable('bcm_processes', 'process', 'name', '{}', ARRAY['description']);
CALL make_searchable('bcm_assets', 'asset', 'name', ARRAY['region', 'provider'], ARRAY['description']);
CALL make_searchable('bcm_dependencies', 'dependency', 'redundancy_group');
CALL make_searchable('recovery_plans', 'recovery_plan', 'name', '{}', ARRAY['description', 'strategy']);
CALL make_searchable('recovery_exercises', 'recovery_exercise', 'type', '{}', ARRAY['result', 'lessons'], parent => 'plan_id', parent_kind => 'recovery_plan');
-- Frameworks of an organization's own, and their controls.
CALL make_searchable('frameworks', 'framework', 'name', ARRAY['key'], ARRAY['description']);
CALL make_searchable('requirements', 'framework_control', 'title', ARRAY['control_ref'], ARRAY['description', 'guidance'],
                     parent => 'framework_id', parent_kind => 'framework', stamp => 'now()');

-- Members, by name and address, which their account holds and their membership makes the organization's.
CREATE FUNCTION search_of_memberships() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS
$$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO search_documents (org_id, kind, record_id, title, body, head, words, updated_at)
        SELECT c.org_id, 'user', a.id, d.shown, d.body, d.head, d.words, c.updated_at
          FROM changed c JOIN accounts a ON a.id = c.user_id
         CROSS JOIN LATERAL search_document(c.org_id, 'user', a.id, a.name, ARRAY[a.email], '{}', NULL) d
        ON CONFLICT (org_id, kind, record_id) DO UPDATE SET title = excluded.title, head = excluded.head,
            words = excluded.words, updated_at = excluded.updated_at;
    ELSIF TG_OP = 'UPDATE' THEN
        UPDATE search_documents d SET updated_at = c.updated_at FROM changed c
         WHERE d.org_id = c.org_id AND d.kind = 'user' AND d.record_id = c.user_id;
    ELSE
        DELETE FROM search_documents d USING former c WHERE d.org_id = c.org_id AND d.kind = 'user' AND d.record_id = c.user_id;
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION search_of_memberships() FROM PUBLIC;
CREATE TRIGGER search_insert AFTER INSERT ON memberships REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_of_memberships();
CREATE TRIGGER search_update AFTER UPDATE ON memberships REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_of_memberships();
CREATE TRIGGER search_delete AFTER DELETE ON memberships REFERENCING OLD TABLE AS former
    FOR EACH STATEMENT EXECUTE FUNCTION search_of_memberships();

CREATE FUNCTION search_of_accounts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS
$$
BEGIN
    -- In every organization of theirs, whichever the change was made in.
    UPDATE search_documents s SET title = d.shown, head = d.head, words = d.words
      FROM changed c JOIN former f ON f.id = c.id, search_documents o,
           LATERAL search_document(o.org_id, 'user', c.id, c.name, ARRAY[c.email], '{}', NULL) d
     WHERE (c.name <> f.name OR c.email <> f.email) AND o.record_id = c.id AND o.kind = 'user'
       AND s.org_id = o.org_id AND s.kind = 'user' AND s.record_id = o.record_id;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION search_of_accounts() FROM PUBLIC;
CREATE TRIGGER search_update AFTER UPDATE ON accounts REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION search_of_accounts();

ALTER TABLE memberships NO FORCE ROW LEVEL SECURITY;
ALTER TABLE accounts NO FORCE ROW LEVEL SECURITY;
INSERT INTO search_documents (org_id, kind, record_id, title, body, head, words, updated_at)
SELECT m.org_id, 'user', a.id, d.shown, d.body, d.head, d.words, m.updated_at
  FROM memberships m JOIN accounts a ON a.id = m.user_id
 CROSS JOIN LATERAL search_document(m.org_id, 'user', a.id, a.name, ARRAY[a.email], '{}', NULL) d;
ALTER TABLE memberships FORCE ROW LEVEL SECURITY;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
