// Node's own limit, of which jest makes 100: udrv asks for much that is not there, and each answer is an error.
Error.stackTraceLimit = 10;
