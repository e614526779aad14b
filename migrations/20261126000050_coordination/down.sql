CALL make_unsearchable('tasks', 'task');
DROP TABLE links;
DROP TABLE tasks;
