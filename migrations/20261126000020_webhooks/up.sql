-- The change feed, webhooks and their deliveries.

-- The feed is the journal without what changed nothing, read by its sequence and by the types of records.
CREATE INDEX journal_feed ON journal (org_id, sequence) WHERE feed;
CREATE INDEX journal_feed_type ON journal (org_id, resource_type, sequence) WHERE feed;

-- Whoever looks for webhooks that are behind compares them with the heads of all organizations: a number and a hash each.
CREATE POLICY platform_reads ON journal_heads FOR SELECT USING (app_is_platform());

CREATE TABLE webhooks (
    id                         uuid NOT NULL,
    org_id                     uuid NOT NULL REFERENCES organizations (id),
    url                        text COLLATE "C" NOT NULL,
    events                     text[] NOT NULL,
    description                text,
    status                     text COLLATE "C" NOT NULL,
    disabled_reason            text COLLATE "C",
    disabled_at                timestamptz,
    previous_secret_expires_at timestamptz,
    signing_secret             text NOT NULL,
    previous_secret            text,
    created_at                 timestamptz NOT NULL,
    updated_at                 timestamptz NOT NULL,
    created_by                 uuid NOT NULL,
    revision                   bigint NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX webhooks_url ON webhooks (org_id, url, id);
CREATE INDEX webhooks_created_at ON webhooks (org_id, created_at, id);
CREATE INDEX webhooks_updated_at ON webhooks (org_id, updated_at, id);
CALL protect_tenant_table('webhooks');

-- One row a webhook, by which those that send take turns, across organizations: how far into the journal deliveries were
-- made, when something is due, and who works on it. It holds nothing of what is sent or where to.
CREATE TABLE webhook_queues (
    org_id      uuid    NOT NULL,
    webhook_id  uuid    NOT NULL,
    position    bigint  NOT NULL,
    active      boolean NOT NULL,
    stamped_at  timestamptz,
    next_at     timestamptz,
    rest_until  timestamptz,
    lease_until timestamptz,
    served_at   timestamptz,
    fence       bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (org_id, webhook_id),
    FOREIGN KEY (org_id, webhook_id) REFERENCES webhooks (org_id, id) ON DELETE CASCADE
);
CREATE INDEX webhook_queues_active ON webhook_queues (org_id) WHERE active;
CALL protect_platform_table('webhook_queues', 'org_id');

CREATE TABLE webhook_deliveries (
    id              uuid NOT NULL,
    org_id          uuid NOT NULL REFERENCES organizations (id),
    webhook_id      uuid NOT NULL,
    event_id        uuid NOT NULL,
    event_type      text COLLATE "C" NOT NULL,
    status          text COLLATE "C" NOT NULL,
    attempts        bigint NOT NULL,
    response_status bigint,
    error           text,
    last_attempt_at timestamptz,
    next_attempt_at timestamptz,
    sequence        bigint,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    created_by      uuid NOT NULL,
    revision        bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, webhook_id) REFERENCES webhooks (org_id, id) ON DELETE CASCADE
);
-- An event is delivered to a webhook once.
CREATE UNIQUE INDEX webhook_deliveries_event ON webhook_deliveries (org_id, webhook_id, event_id);
-- What is due; what has come to its end does not grow it.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (org_id, webhook_id, next_attempt_at, sequence)
    WHERE next_attempt_at IS NOT NULL;
-- Deliveries are asked for by their webhook.
CREATE INDEX webhook_deliveries_webhook_id ON webhook_deliveries (org_id, webhook_id, id);
CREATE INDEX webhook_deliveries_created_at ON webhook_deliveries (org_id, webhook_id, created_at, id);
CREATE INDEX webhook_deliveries_updated_at ON webhook_deliveries (org_id, webhook_id, updated_at, id);
CREATE INDEX webhook_deliveries_status ON webhook_deliveries (org_id, webhook_id, status, created_at, id);
CREATE INDEX webhook_deliveries_event_type ON webhook_deliveries (org_id, webhook_id, event_type, created_at, id);
CALL protect_tenant_table('webhook_deliveries');
