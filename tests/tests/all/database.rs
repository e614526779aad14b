//! The schema's own rules: migrations go up, down and up again; every table is under tenancy; the adapter's
//! tables are the database's.

use crate::harness::{database, psql, root, run, url};

/// A picture of the schema that does not depend on the order of creation.
fn picture(database: &str) -> String {
    psql(
        database,
        "SELECT string_agg(line, E'\n' ORDER BY line) FROM (
            SELECT format('%s.%s %s %s %s', table_name, column_name, data_type, is_nullable, coalesce(column_default, '')) AS line
              FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '__diesel_schema_migrations'
            UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> '__diesel_schema_migrations'
            UNION ALL SELECT format('%s %s %s %s', tablename, policyname, qual, with_check) FROM pg_policies
            UNION ALL SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        ) lines",
    )
}

#[test]
fn migrations_go_up_down_and_up_again() {
    let name = database(false);
    run(async {
        let first = grc_postgres::migrate::up(&url(&name)).await.unwrap();
        assert!(first > 0);
        let before = picture(&name);
        assert_eq!(grc_postgres::migrate::up(&url(&name)).await.unwrap(), 0, "a second run has nothing to do");
        assert_eq!(grc_postgres::migrate::down(&url(&name)).await.unwrap(), first);
        assert_eq!(
            psql(
                &name,
                "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename <> '__diesel_schema_migrations'"
            ),
            "0"
        );
        assert_eq!(grc_postgres::migrate::up(&url(&name)).await.unwrap(), first);
        assert_eq!(picture(&name), before);
    });
}

#[test]
fn every_table_is_under_forced_row_level_security_and_the_service_owns_none() {
    let name = database(true);
    let open = psql(
        &name,
        "SELECT string_agg(c.relname, ' ') FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
         AND c.relname <> '__diesel_schema_migrations'
         AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))",
    );
    assert_eq!(open, "");
    assert_eq!(
        psql(
            &name,
            "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = 'grc_app'"
        ),
        "0"
    );
    assert_eq!(
        psql(&name, "SELECT rolsuper OR rolbypassrls OR rolcanlogin FROM pg_roles WHERE rolname = 'grc_app'"),
        "f"
    );
}

#[test]
fn every_unique_index_of_a_tenant_table_begins_with_the_organization() {
    let name = database(true);
    // Identity tables and frameworks are looked up across organizations by design; their unique values tell
    // nothing of a tenant (ids, hashes, a handle that is public).
    let loose = psql(
        &name,
        "SELECT string_agg(i.indexrelid::regclass::text, ' ') FROM pg_index i JOIN pg_attribute o ON o.attrelid = i.indrelid AND o.attname = 'org_id'
         WHERE i.indisunique AND i.indkey[0] <> o.attnum AND i.indrelid::regclass::text NOT IN ('jobs', 'frameworks', 'requirements')",
    );
    assert_eq!(loose, "");
}

#[test]
fn references_between_tenant_tables_carry_the_organization() {
    let name = database(true);
    let loose = psql(
        &name,
        "SELECT string_agg(c.conname, ' ') FROM pg_constraint c
         JOIN pg_attribute o ON o.attrelid = c.conrelid AND o.attname = 'org_id'
         WHERE c.contype = 'f' AND NOT (o.attnum = ANY (c.conkey))
           AND EXISTS (SELECT FROM pg_attribute t WHERE t.attrelid = c.confrelid AND t.attname = 'org_id')
           AND c.confrelid::regclass::text NOT IN ('frameworks')",
    );
    assert_eq!(loose, "");
}

#[test]
fn without_an_organization_nothing_is_seen_and_with_another_nothing_is_written() {
    let name = database(true);
    let seed =
        "INSERT INTO organizations SELECT id::uuid, 'O', id, null, null, null, '{}', null, now(), now(), id::uuid, 1
                FROM unnest(ARRAY['00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002']) id;
                INSERT INTO journal_heads SELECT id, 1, decode(repeat('00', 32), 'hex') FROM organizations;";
    psql(&name, seed);
    let one = "SET ROLE grc_app; BEGIN; SELECT set_config('app.org_id', '00000000-0000-7000-8000-000000000001', true);";
    assert_eq!(psql(&name, "SET ROLE grc_app; SELECT count(*) FROM journal_heads"), "0");
    assert!(psql(&name, &format!("{one} SELECT count(*) FROM journal_heads")).ends_with('1'));
    assert!(
        psql(&name, &format!("{one} COMMIT; SELECT count(*) FROM journal_heads")).ends_with('0'),
        "after a commit the setting is empty"
    );
    let moved = format!("{one} UPDATE journal_heads SET org_id = '00000000-0000-7000-8000-000000000003'");
    let refused = std::panic::catch_unwind(|| psql(&name, &moved));
    assert!(refused.is_err(), "a row cannot be given to another organization");
    let rewritten = format!("{one} UPDATE journal SET action = 'x'");
    assert!(std::panic::catch_unwind(|| psql(&name, &rewritten)).is_err(), "the journal is append-only");
}

#[test]
fn every_declared_table_is_the_databases() {
    let name = database(true);
    let columns = psql(
        &name,
        "SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, null) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped",
    );
    let actual: std::collections::BTreeSet<&str> = columns.lines().collect();
    let indexes = psql(
        &name,
        "SELECT c.relname || ' ' || (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY k(att, n)
            JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.att)
         FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = 'public'::regnamespace",
    );
    let mut wrong = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for resource in grc_uow::registry::resources() {
        assert!(
            seen.insert(("kind", resource.kind)) && seen.insert(("table", resource.table)),
            "{} is declared twice",
            resource.kind
        );
        for member in resource.members {
            let kind = match grc_postgres::ddl::column_type(member) {
                "timestamptz" => "timestamp with time zone",
                kind => kind,
            };
            let null = if member.nullable { "" } else { " NOT NULL" };
            let line = format!("{}.{} {kind}{null}", resource.table, member.column);
            if !actual.contains(line.as_str()) {
                wrong.push(line);
            }
        }
        let meta = ["id uuid", "org_id uuid", "created_by uuid", "revision bigint"].into_iter();
        for column in meta.chain(["created_at timestamp with time zone", "updated_at timestamp with time zone"]) {
            let line = format!("{}.{column} NOT NULL", resource.table);
            if !actual.contains(line.as_str()) {
                wrong.push(line);
            }
        }
        // A singleton, whose id is the organization's, has no list.
        if resource.name == "id" {
            continue;
        }
        for column in grc_postgres::ddl::indexed(resource) {
            let index = format!("{} org_id,{column}", resource.table);
            // A list that is only read under another record is ordered within that.
            let owners = resource.members.iter().filter(|member| matches!(member.ty, grc_kernel::shape::Ty::Ref(_)));
            let nested = owners.map(|owner| format!("{} org_id,{},{column}", resource.table, owner.column));
            let good: Vec<String> = nested.chain([index.clone()]).collect();
            let serves = |line: &str| good.iter().any(|good| line == good || line.starts_with(&format!("{good},")));
            if !indexes.lines().any(serves) {
                wrong.push(format!("no index {index}"));
            }
        }
        for member in resource.members.iter().filter(|member| member.unique) {
            let index = format!("{} org_id,{}", resource.table, member.column);
            if !indexes.lines().any(|line| line == index) {
                wrong.push(format!("no unique index {index}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_adapters_tables_are_the_databases() {
    let name = database(true);
    let source = std::fs::read_to_string(root().join("crates/postgres/src/schema.rs")).unwrap();
    let mut declared: Vec<String> = Vec::new();
    let mut table = String::new();
    let mut sql_name = None;
    for line in source.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("#[sql_name = \"") {
            sql_name = name.strip_suffix("\"]");
        } else if let Some((column, kind)) = line.trim_end_matches(',').split_once(" -> ")
            && !line.contains("joinable")
        {
            let column = sql_name.take().unwrap_or(column);
            declared.push(format!("{table}.{column} {}", if kind.starts_with("Nullable") { "YES" } else { "NO" }));
        } else if line.ends_with("{") && line.contains('(') {
            table = line.split_whitespace().next().unwrap().to_owned();
        }
    }
    declared.sort();
    let actual = psql(
        &name,
        "SELECT table_name || '.' || column_name || ' ' || is_nullable FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name <> '__diesel_schema_migrations'",
    );
    let mut actual: Vec<String> = actual.lines().map(str::to_owned).collect();
    actual.sort();
    // A column that the adapter does not read (a later version's) would be fine; one that is not there is not.
    let missing: Vec<_> = declared.iter().filter(|line| !actual.contains(line)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
