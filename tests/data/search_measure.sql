-- Documents for the measurement of search, numbered :first to :last, over :organizations organizations, with words as
-- unevenly frequent as those of a language (20,000 of them; the first in every second document).
CREATE OR REPLACE FUNCTION sentence(seed bigint, length integer) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT string_agg((ARRAY['con','re','pro','in','de','ac','su','pre','ma','vi','ex','co','per','tra','le','ri'])[1 + n % 16]
                     || (ARRAY['tor','sk','ven','cess','log','dit','ply','mit','ner','ga','pol','net'])[1 + n / 16 % 12]
                     || CASE WHEN n < 192 THEN '' ELSE translate(to_hex(n), '0123456789', 'ghijklmnop') END, ' ')
     FROM (SELECT floor(20000 * power((hashint8extended(seed * 64 + i, 7) & 1048575) / 1048576.0::float8, 5))::int AS n
             FROM generate_series(1, length) i OFFSET 0) words $$;

INSERT INTO search_documents (org_id, kind, record_id, title, body, head, words, updated_at)
SELECT org, kind, id, d.shown, d.body, d.head, d.words, timestamptz '2026-01-01' + n * interval '1 second'
  FROM generate_series(:first::bigint, :last::bigint) n
 CROSS JOIN LATERAL (SELECT ('0199b1a0-0000-7000-8000-' || lpad(to_hex(1 + n % :organizations), 12, '0'))::uuid AS org,
                            (ARRAY['risk','finding','vendor','control','incident','evidence','asset','process'])[1 + (n / 128) % 8] AS kind,
                            ('0199b1a0-' || lpad(to_hex(n / 65536), 4, '0') || '-7000-8000-' || substr(md5(n::text), 1, 12))::uuid AS id,
                            sentence(n, 6) || CASE WHEN n % 250000 = 7 THEN ' Zebrafisch' ELSE '' END AS title,
                            CASE WHEN n % 2 = 0 THEN 'common ' ELSE '' END || CASE WHEN n % 4 < 2 THEN 'left ' ELSE 'right ' END
                            || sentence(-n, 40) AS text) one
 CROSS JOIN LATERAL search_document(org, kind, id, title, ARRAY['R-' || n], ARRAY[text], NULL) d;
