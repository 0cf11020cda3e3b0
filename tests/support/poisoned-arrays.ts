/** Read by mocha before all tests: here and in the servers that they start, arrays of scans are written over as soon as they hold no longer. */
process.env.MILLRACE_POISON_ARRAYS = '1';
