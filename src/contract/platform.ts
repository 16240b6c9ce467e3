/** What the platform fixes for every tool: its account, its port, and how long things may take. */
export const platform = {
  port: 8888,
  user: { name: 'dw-user', id: 4356 },
  group: { name: 'dw-user', id: 4357 },
  home: '/home/dw-user',
  /** Seconds until the first right answer, where a stage does not say. */
  readyWithin: 60,
  /** Seconds from SIGTERM to the end. */
  stopWithin: 10,
} as const;
