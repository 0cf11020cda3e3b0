/** The console's first line: mounts it on the page. */
import { render } from 'preact';

render(<main>Millrace</main>, document.getElementById('app')!);
