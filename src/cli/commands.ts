/** Every command by its id; what a command needs to do its work is loaded when it runs. */
import Base from '../commands/base.ts';
import Build from '../commands/build.ts';
import Doctor from '../commands/doctor.ts';
import EngineDown from '../commands/engine/down.ts';
import EngineStatus from '../commands/engine/status.ts';
import EngineUp from '../commands/engine/up.ts';
import PlanCommand from '../commands/plan.ts';
import Promote from '../commands/promote.ts';
import Push from '../commands/push.ts';
import Release from '../commands/release.ts';
import Rollback from '../commands/rollback.ts';
import Run from '../commands/run.ts';
import SmokeTest from '../commands/smoke-test.ts';
import Stages from '../commands/stages.ts';
import Verify from '../commands/verify.ts';

export default {
  base: Base,
  build: Build,
  doctor: Doctor,
  'engine:down': EngineDown,
  'engine:status': EngineStatus,
  'engine:up': EngineUp,
  plan: PlanCommand,
  promote: Promote,
  push: Push,
  release: Release,
  rollback: Rollback,
  run: Run,
  'smoke-test': SmokeTest,
  stages: Stages,
  verify: Verify,
};
