/** What `dwt stages` shows: the hierarchy, where each stage is published, and which images the engine has. */
import type { Engine } from '../engine/engine.ts';
import { DwtError } from '../errors.ts';
import { type Feature, imageReference, type Kind, type Project, type Publish } from '../project/project.ts';

export interface ListedStage {
  readonly name: string;
  readonly kind: Kind;
  readonly parent: string | null;
  readonly children: readonly string[];
  readonly publish: Publish | null;
  readonly description: string | null;
  /** Its optional parts, which `--without NAME` leaves out, or `--with NAME` asks for where they are opt-in. */
  readonly features: readonly ({ readonly name: string } & Pick<Feature, 'description' | 'optIn'>)[];
  /** The image that the stage begins from, where that is no stage of this file. */
  readonly image: string | null;
  /** Whether the engine has an image of this stage; null where no engine could be asked. */
  readonly built: boolean | null;
  /** Bytes of that image. */
  readonly size: number | null;
}

export interface StageList {
  /** In file order. */
  readonly stages: readonly ListedStage[];
}

export interface ListOptions {
  readonly project: Project;
  readonly engine: Pick<Engine, 'imagesByLabel'> | null;
}

/** Lists every stage of the project. An engine that does not answer costs only the knowledge of what is built. */
export async function listStages({ project, engine }: ListOptions): Promise<StageList> {
  const sizes = engine === null ? null : await builtSizes(project, engine);
  const stages = project.hierarchy.stages.map((stage): ListedStage => {
    const settings = project.settings.get(stage.name);
    return {
      name: stage.name,
      kind: settings?.kind ?? 'shared',
      parent: stage.parent,
      children: stage.children,
      publish: settings?.publish ?? null,
      description: settings?.description ?? null,
      features: [...(settings?.features ?? [])].map(([name, { description, optIn }]) => ({
        name,
        description,
        optIn,
      })),
      image: stage.image,
      built: sizes === null ? null : sizes.has(stage.name),
      size: sizes?.get(stage.name) ?? null,
    };
  });
  return { stages };
}

/** Bytes by stage, for those whose image has its name; one that only carries the labels was replaced since. */
async function builtSizes(
  project: Project,
  engine: Pick<Engine, 'imagesByLabel'>,
): Promise<Map<string, number> | null> {
  try {
    const images = await engine.imagesByLabel([`dwt.project=${project.name}`]);
    const sizes = new Map<string, number>();
    for (const { labels, references, size } of images) {
      const stage = labels['dwt.stage'];
      if (stage !== undefined && references.includes(imageReference(project, stage))) sizes.set(stage, size);
    }
    return sizes;
  } catch (error) {
    if (error instanceof DwtError && error.exitStatus === 3) return null;
    throw error;
  }
}
