/** What the server says it is. Clients read it to know what they may ask for. */
export const VERSION = '1.8.10-millrace';
