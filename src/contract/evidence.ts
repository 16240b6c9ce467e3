/**
 * What was seen of a running image. Probes fill these in; the judges read them and nothing else, so that a verdict can
 * always be explained by, and tested on, what is written here.
 */

/** How a conversation that was no answer went wrong. */
export interface HttpFault {
  readonly fault: 'closed' | 'cut' | 'not-http' | 'truncated' | 'stalled';
  readonly status: number | null;
  /** First bytes of what was said instead of HTTP. */
  readonly sample: string;
  readonly bytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly reason: string;
  /** Such as `HTTP/1.1`. */
  readonly version: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What a client in another container got from the port. */
export interface HttpEvidence {
  readonly path: string;
  /** The first answer with a wanted status. */
  readonly answer: HttpAnswer | null;
  /** The last answer with another status. */
  readonly unwanted: HttpAnswer | null;
  readonly fault: HttpFault | null;
  /** Why the last connection was not made, as the system says it. */
  readonly refusal: string | null;
  /** A connection was accepted at least once. */
  readonly connected: boolean;
  /** The port speaks TLS. */
  readonly tls: boolean;
  /** Seconds from the container's start until the answer, or until waiting ended. */
  readonly seconds: number;
  /** The container ended by itself before it answered. */
  readonly ended: EndEvidence | null;
}

export interface EndEvidence {
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  /** Seconds from the start, or from the signal. */
  readonly seconds: number;
}

/** Real, effective, saved and file system ids. */
export type Ids = readonly number[];

export interface ListenerEvidence {
  readonly family: 4 | 6;
  readonly address: string;
  readonly inode: string;
  /** Who made the socket. */
  readonly uid: number;
}

export interface EnvironmentEvidence {
  /** `memory`: the process has overwritten what it was started with; its copies were found in its memory. */
  readonly source: 'environ' | 'memory' | 'unreadable';
  /** Every value that was found under a name. */
  readonly values: Readonly<Record<string, readonly string[]>>;
}

export interface ProcessEvidence {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly command: string;
  readonly uid: Ids;
  readonly gid: Ids;
  readonly groups: Ids;
  /** Effective capabilities, hexadecimal. */
  readonly capabilities: string;
  /** Inodes of the listening sockets that it holds. */
  readonly sockets: readonly string[];
  /** Threads whose ids are not the process's. */
  readonly threads: readonly { readonly id: number; readonly uid: Ids; readonly gid: Ids }[];
  /** Of processes that hold a listening socket. */
  readonly environment: EnvironmentEvidence | null;
}

export interface FileEvidence {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface PrivilegedFile extends FileEvidence {
  /** Permitted file capabilities, hexadecimal; null where it has none. */
  readonly capabilities: string | null;
}

export interface RunEvidence {
  readonly command: string;
  /** Null where it was killed. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Of every path that decides who can replace the file at its end: folders, links, the file. */
export interface PathEvidence extends Partial<FileEvidence> {
  readonly path: string;
  readonly missing?: boolean;
  readonly link?: string;
}

export interface SudoEvidence {
  readonly path: string;
  /** `sudo -ll -U dw-user`, as root. */
  readonly listing: RunEvidence;
  /** Commands that the user must not be able to run. */
  readonly tried: readonly RunEvidence[];
}

export interface WayOutEvidence {
  readonly address: string;
  /** `connected`, or why not. */
  readonly result: string;
}

/** What the container's processes, sockets and files say while it serves. */
export interface InsideEvidence {
  readonly listeners: readonly ListenerEvidence[];
  readonly processes: readonly ProcessEvidence[];
  readonly passwd: string | null;
  readonly group: string | null;
  /** Users with an empty password. */
  readonly withoutPassword: readonly string[];
  /** `refusal`: why the user could not make a file there; empty where it could. */
  readonly home: (FileEvidence & { readonly refusal: string }) | null;
  readonly terminal: {
    readonly shell: string;
    readonly values: Readonly<Record<string, readonly string[]>> | null;
  } | null;
  readonly privileged: readonly PrivilegedFile[];
  readonly files: number;
  readonly sudo: SudoEvidence | null;
  readonly paths: Readonly<Record<string, readonly PathEvidence[]>>;
  readonly resolver: { readonly server: string | null; readonly answer: 'none' | 'refused' | 'resolved' };
  readonly wayOut: readonly WayOutEvidence[];
  /** Packets that had no route to leave by. */
  readonly withoutRoute: number;
}

export interface StopEvidence {
  /** Null where it had not ended when the time was over, and was killed. */
  readonly end: EndEvidence | null;
  /** It had ended before it was told to. */
  readonly before: EndEvidence | null;
}

export interface RestartEvidence {
  readonly after: 'SIGTERM' | 'SIGKILL';
  readonly http: HttpEvidence;
}

/** Something that went wrong with a page, as one line. */
export interface PageProblem {
  readonly kind: 'script' | 'console' | 'response' | 'request' | 'websocket' | 'elsewhere' | 'crash';
  readonly text: string;
  /** It happened after the proxy had cut idle connections. */
  readonly afterCut: boolean;
}

/** What a browser saw of a tool through a proxy like the platform's. */
export interface PageEvidence {
  readonly path: string;
  /** The path that the proxy serves the tool under; '' for none. */
  readonly prefix: string;
  /** Of the document; null where there was none. */
  readonly status: number | null;
  /** Why there was no document. */
  readonly refusal: string | null;
  readonly title: string;
  /** Requests to the tool, websockets included. */
  readonly requests: number;
  readonly problems: readonly PageProblem[];
  /** Of each thing that must be seen, in the order of its declaration: seconds until it was, null where it never was. */
  readonly seen: readonly (number | null)[];
  /** Seconds until it had been loaded, where nothing must be seen; null where it never was. */
  readonly loaded: number | null;
  /** Nothing at all is to be seen: no text, no picture, nothing to fill in. */
  readonly blank: boolean;
  readonly cut: {
    readonly websockets: number;
    /** What had been seen and was no longer, by its place in `seen`. */
    readonly lost: readonly number[];
  };
  readonly screenshot: Buffer | null;
}

/** A file that was waited for. */
export interface ArrivedFile {
  readonly uid: number;
  readonly gid: number;
  /** Whether it holds what was sent. */
  readonly isSame: boolean;
  readonly seconds: number;
}

export interface SyncEvidence {
  /** In the home; null where it did not come. */
  readonly down: ArrivedFile | null;
  /** In the bucket; null where it did not come. */
  readonly up: ArrivedFile | null;
  /** Seconds that each was waited for. */
  readonly within: number;
}
