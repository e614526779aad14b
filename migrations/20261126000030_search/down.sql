DO $$
DECLARE
    one text;
BEGIN
    FOR one IN SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND starts_with(proname, 'search_of_') LOOP
        EXECUTE format('DROP FUNCTION %I() CASCADE', one);
    END LOOP;
END
$$;
DROP FUNCTION search_candidates(text, text[], text, text, text, text[], integer);
DROP PROCEDURE make_unsearchable(text, text);
DROP PROCEDURE make_searchable(text, text, text, text[], text[], text, text, text, text, text[], text);
DROP TABLE search_documents;
DROP FUNCTION search_document(uuid, text, uuid, text, text[], text[], text);
DROP FUNCTION search_lexemes(text, text[], integer, text);
DROP FUNCTION search_slice(uuid);
DROP FUNCTION search_token(uuid);
DROP FUNCTION search_fold(text);
