CALL make_unsearchable('webhooks', 'webhook');
