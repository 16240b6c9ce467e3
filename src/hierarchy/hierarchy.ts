/** The stages of one Dockerfile and the tree that FROM makes between them. Derived, never retyped. */

/** Inclusive lines of the Dockerfile, from 1. */
export interface LineRange {
  readonly start: number;
  readonly end: number;
}

/** What one instruction copies or mounts from somewhere else. */
export interface FileUse {
  /**
   * `context`: files of the build context; `remote`: downloads of ADD, `fixed` where a checksum or a full commit says
   * what comes; else the stage (its name) or external image that it is taken from.
   */
  readonly from:
    | { readonly kind: 'context' }
    | { readonly kind: 'remote'; readonly fixed: boolean }
    | { readonly kind: 'stage'; readonly name: string }
    | { readonly kind: 'image'; readonly reference: string };
  /** Source patterns as BuildKit reads them, after substitution, relative to the root of `from`; URLs where it is remote. */
  readonly sources: readonly string[];
}

export interface Instruction {
  /** Upper case: RUN, COPY, … */
  readonly keyword: string;
  /** The instruction as BuildKit takes it: continuations joined, comments dropped, whitespace that cannot matter normalised. */
  readonly text: string;
  readonly lines: LineRange;
  readonly uses: readonly FileUse[];
}

export interface Stage {
  /** As written in AS, lower case as BuildKit compares it; a stage without AS is named by its index. */
  readonly name: string;
  readonly index: number;
  /** The stage that FROM names, or null where FROM names an image. */
  readonly parent: string | null;
  /** The image that FROM names after substitution (`scratch` included), or null where it names a stage. */
  readonly image: string | null;
  /** FROM --platform after substitution. */
  readonly platform: string | null;
  /** Stages that FROM names this one, in file order. */
  readonly children: readonly string[];
  /** Every other stage whose files this one takes (COPY --from, RUN --mount from=), in file order. */
  readonly uses: readonly string[];
  readonly instructions: readonly Instruction[];
  readonly lines: LineRange;
  /** Names of build arguments that this stage declares (ARG), with global defaults resolved; value null where it has none. */
  readonly arguments: ReadonlyMap<string, string | null>;
}

export interface Hierarchy {
  /** File name as shown in errors. */
  readonly file: string;
  readonly source: string;
  /** In file order. */
  readonly stages: readonly Stage[];
  /** Arguments declared before the first FROM. */
  readonly globalArguments: ReadonlyMap<string, string | null>;
}
