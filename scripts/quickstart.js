// npm run quickstart [-- --no-open | --stop]
import { main } from './bootstrap.js';

await main('scripts/quickstart-run.ts');
