// What only the start of the program needed: relocating and initialising its libraries, parsing flags, compiling
// patterns touches some five times as many of their pages as a scrape does.
#pragma once

namespace tidemark::exporter {

// Gives those pages back; what a scrape needs of them comes from the page cache again, without reading a disk. Only
// pages of files that this process has not changed are let go (not those that hold relocated addresses), so nothing is
// lost. And the heap's free pages. REQUIRES: no other thread maps or unmaps memory meanwhile.
void release_startup_memory();

}  // namespace tidemark::exporter
