// npm test [-- JEST ARGUMENTS]
import { main } from './bootstrap.js';

await main('scripts/test-run.ts');
