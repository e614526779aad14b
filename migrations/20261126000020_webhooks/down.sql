DROP TABLE webhook_deliveries;
DROP TABLE webhook_queues;
DROP TABLE webhooks;
DROP POLICY platform_reads ON journal_heads;
DROP INDEX journal_feed_type;
DROP INDEX journal_feed;
