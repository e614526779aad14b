//! The tables, as Diesel sees them. A test compares this file with the migrated database.

diesel::table! {
    journal (org_id, sequence) {
        org_id -> Uuid,
        sequence -> BigInt,
        id -> Uuid,
        occurred_at -> Timestamptz,
        actor_kind -> Text,
        actor_id -> Uuid,
        actor_name -> Text,
        action -> Text,
        resource_type -> Text,
        resource_id -> Uuid,
        revision -> Nullable<BigInt>,
        before -> Nullable<Jsonb>,
        after -> Nullable<Jsonb>,
        request_id -> Text,
        feed -> Bool,
        prev_hash -> Binary,
        hash -> Binary,
        canonical_version -> SmallInt,
    }
}

diesel::table! {
    journal_heads (org_id) {
        org_id -> Uuid,
        sequence -> BigInt,
        hash -> Binary,
    }
}

diesel::table! {
    audit_checkpoints (org_id, tree_size) {
        org_id -> Uuid,
        tree_size -> BigInt,
        id -> Uuid,
        root -> Binary,
        note -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    audit_subtrees (org_id, place) {
        org_id -> Uuid,
        place -> BigInt,
        hash -> Binary,
    }
}

diesel::table! {
    audit_seals (org_id) {
        org_id -> Uuid,
        tree_size -> BigInt,
    }
}

diesel::table! {
    jobs (id) {
        id -> Uuid,
        org_id -> Uuid,
        kind -> Text,
        subject_id -> Uuid,
        payload -> Jsonb,
        status -> Text,
        progress -> Integer,
        attempts -> Integer,
        max_attempts -> Integer,
        run_at -> Timestamptz,
        lease_until -> Nullable<Timestamptz>,
        fence -> BigInt,
        error -> Nullable<Text>,
        created_by -> Uuid,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    replies (org_id, caller, key) {
        org_id -> Uuid,
        caller -> Uuid,
        key -> Text,
        request_digest -> Binary,
        status -> Integer,
        headers -> Jsonb,
        body -> Binary,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    organizations (id) {
        id -> Uuid,
        name -> Text,
        slug -> Text,
        industry -> Nullable<Text>,
        country -> Nullable<Text>,
        timezone -> Nullable<Text>,
        settings -> Jsonb,
        deleted_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Uuid,
        revision -> BigInt,
    }
}

diesel::table! {
    accounts (id) {
        id -> Uuid,
        email -> Text,
        name -> Text,
        password_hash -> Nullable<Text>,
        platform_admin -> Bool,
        last_login_at -> Nullable<Timestamptz>,
        mfa_enabled -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Uuid,
        revision -> BigInt,
    }
}

diesel::table! {
    memberships (org_id, user_id) {
        id -> Uuid,
        org_id -> Uuid,
        user_id -> Uuid,
        role -> Text,
        status -> Text,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Uuid,
        revision -> BigInt,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        user_id -> Uuid,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        expires_at -> Timestamptz,
        revoked_at -> Nullable<Timestamptz>,
        user_agent -> Nullable<Text>,
        address -> Nullable<Text>,
    }
}

diesel::table! {
    refresh_tokens (hash) {
        hash -> Binary,
        session_id -> Uuid,
        issued_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    api_keys (org_id, id) {
        id -> Uuid,
        org_id -> Uuid,
        name -> Text,
        role -> Text,
        scopes -> Nullable<Array<Text>>,
        prefix -> Text,
        hash -> Binary,
        previous_hash -> Nullable<Binary>,
        previous_until -> Nullable<Timestamptz>,
        expires_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Uuid,
        revision -> BigInt,
    }
}

diesel::table! {
    invitations (org_id, id) {
        id -> Uuid,
        org_id -> Uuid,
        user_id -> Uuid,
        hash -> Binary,
        expires_at -> Timestamptz,
        accepted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    frameworks (id) {
        id -> Uuid,
        org_id -> Nullable<Uuid>,
        key -> Text,
        name -> Text,
        version -> Text,
        description -> Text,
        source -> Text,
        control_count -> BigInt,
        baselines -> Array<Text>,
        document -> Nullable<Text>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        created_by -> Uuid,
        revision -> BigInt,
    }
}

diesel::table! {
    requirements (id) {
        id -> Uuid,
        framework_id -> Uuid,
        org_id -> Nullable<Uuid>,
        control_ref -> Text,
        title -> Text,
        family -> Text,
        family_title -> Text,
        description -> Text,
        baselines -> Array<Text>,
        guidance -> Nullable<Text>,
        evidence_hints -> Array<Text>,
        parent_ref -> Nullable<Text>,
        position -> BigInt,
        assessable -> Bool,
    }
}

diesel::table! {
    service_state (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    assessment_scope (org_id, assessment_id, ordinal) {
        org_id -> Uuid,
        assessment_id -> Uuid,
        ordinal -> Integer,
        control_ref -> Text,
        evaluated -> Bool,
    }
}

diesel::table! {
    evidence_texts (org_id, evidence_id) {
        org_id -> Uuid,
        evidence_id -> Uuid,
        text -> Text,
    }
}

diesel::table! {
    custody (org_id, id) {
        id -> Uuid,
        org_id -> Uuid,
        evidence_id -> Uuid,
        at -> Timestamptz,
        actor_id -> Uuid,
        actor -> Text,
        event -> Text,
        reason -> Nullable<Text>,
        sha256 -> Nullable<Text>,
    }
}

diesel::table! {
    report_outputs (org_id, report_id) {
        org_id -> Uuid,
        report_id -> Uuid,
        bytes -> Binary,
    }
}

diesel::joinable!(memberships -> accounts (user_id));
diesel::joinable!(memberships -> organizations (org_id));
diesel::allow_tables_to_appear_in_same_query!(audit_seals, journal_heads);
diesel::allow_tables_to_appear_in_same_query!(accounts, memberships, organizations);
diesel::joinable!(requirements -> frameworks (framework_id));
diesel::allow_tables_to_appear_in_same_query!(frameworks, requirements);

// Of these the statements over the whole graph read some columns; the rest is the resource repository's.
diesel::table! {
    bcm_processes (org_id, id) {
        id -> Uuid,
        org_id -> Uuid,
        name -> Text,
        criticality -> Text,
        rto_hours -> Double,
        rpo_hours -> Double,
        mtd_hours -> Double,
        hourly_loss -> Nullable<Double>,
        owner_id -> Nullable<Uuid>,
        last_reviewed_at -> Nullable<Timestamptz>,
        impacts -> Jsonb,
    }
}

diesel::table! {
    bcm_assets (org_id, id) {
        id -> Uuid,
        org_id -> Uuid,
        name -> Text,
        #[sql_name = "type"]
        kind -> Text,
        rto_hours -> Nullable<Double>,
        rpo_hours -> Nullable<Double>,
        restore_hours -> Nullable<Double>,
        sla_hours -> Nullable<Double>,
        region -> Nullable<Text>,
        provider -> Nullable<Text>,
        vendor_id -> Nullable<Uuid>,
        owner_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    bcm_dependencies (org_id, id) {
        id -> Uuid,
        org_id -> Uuid,
        source_id -> Uuid,
        target_id -> Uuid,
        dependency_type -> Text,
        strength -> Text,
        redundancy_group -> Nullable<Text>,
        needed -> Nullable<BigInt>,
        updated_at -> Timestamptz,
        revision -> BigInt,
    }
}

diesel::table! {
    recovery_plans (org_id, id) {
        id -> Uuid,
        org_id -> Uuid,
        name -> Text,
        process_id -> Nullable<Uuid>,
        status -> Text,
    }
}

diesel::table! {
    recovery_exercises (org_id, id) {
        id -> Uuid,
        org_id -> Uuid,
        plan_id -> Uuid,
        date -> Date,
        achieved_rto_hours -> Nullable<Double>,
    }
}

diesel::allow_tables_to_appear_in_same_query!(recovery_plans, recovery_exercises);
