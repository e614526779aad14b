-- Webhooks are found by their addresses and descriptions.
CALL make_searchable('webhooks', 'webhook', 'url', '{}', ARRAY['description']);
