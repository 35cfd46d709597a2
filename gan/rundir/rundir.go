package rundir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gander-ml/gander/gan"
	"github.com/gander-ml/gander/internal/atomicfile"
)

// Mode says what becomes of a run that is in the folder. It is a [flag.Value].
type Mode int

const (
	New  Mode = iota // it is moved aside
	Auto             // it is continued; if there is none, a new one starts
	Must             // it is continued; that there is none is an error
)

var modes = []string{New: "never", Auto: "auto", Must: "must"}

// String returns "never", "auto" or "must".
func (m *Mode) String() string {
	if m == nil || *m < 0 || int(*m) >= len(modes) {
		return ""
	}
	return modes[*m]
}

// Set sets the mode by its name.
func (m *Mode) Set(name string) error {
	for i, known := range modes {
		if name == known {
			*m = Mode(i)
			return nil
		}
	}
	return fmt.Errorf("it must be one of %s", strings.Join(modes, ", "))
}

// Options change how [Open] works.
type Options struct {
	Resume Mode
	// Say gets lines for the user, without a line feed: that a run was moved aside,
	// where training is resumed, which damaged files were passed over. If it is nil,
	// they are lost.
	Say func(line string)
	// OutFlag is the program's flag that names the folder, for what Say says; ""
	// means "-out".
	OutFlag string
	// SetFlag is the program's flag of [Changes], for the error of [Folder.Resume];
	// "" if there is none.
	SetFlag string
}

// Folder is the folder of a run, which nobody else uses while it is open.
type Folder struct {
	path    string
	options Options
	lock    *atomicfile.FolderLock // nil of a part
	about   *about
	command []string // that started the run that is there, if that was another
	whole   *Folder  // of which this is a part
}

// about is what run.json holds.
type about struct {
	Started  time.Time `json:"started"`
	Command  []string  `json:"command"`
	Steps    int       `json:"steps"` // to be done in all
	Finished bool      `json:"finished"`
}

const aboutFile = "run.json"

// Open makes a folder ready for a run: it makes it if need be, makes sure that it
// can be written to, locks it, and, in the mode [New], moves a run that is there
// aside. Call it when all that can be wrong with the command has been found, so
// that a command that cannot work moves nothing. If the folder is in use, the
// error wraps [gan.ErrInUse]; in the mode [Must], if there is nothing to continue,
// [gan.ErrNoCheckpoint].
//
// What is in the folder besides a run is left alone.
func Open(path string, o Options) (*Folder, error) {
	if o.Say == nil {
		o.Say = func(string) {}
	}
	if o.OutFlag == "" {
		o.OutFlag = "-out"
	}
	f := &Folder{path: path, options: o}
	if err := f.open(); err != nil {
		f.Close()
		return nil, fmt.Errorf("rundir: %w", err)
	}
	return f, nil
}

func (f *Folder) open() error {
	real, err := filepath.EvalSymlinks(f.path) // what is moved is the folder, not a link to it
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if to, e := os.Readlink(f.path); e == nil { // of a disk that is not there, perhaps
			return fmt.Errorf("%s is a link to %s: %w", f.path, to, fs.ErrNotExist)
		}
		if f.options.Resume == Must {
			return fmt.Errorf("%s: %w", f.path, gan.ErrNoCheckpoint)
		}
		real = f.path
	case err != nil:
		return fmt.Errorf("%s: %w", f.path, err)
	}
	if err := f.take(real); err != nil {
		return err
	}
	if f.options.Resume == Must && !f.resumable() {
		return fmt.Errorf("%s: %w", f.path, gan.ErrNoCheckpoint)
	}
	old, known := readAbout(f.path)
	if f.options.Resume != New {
		if f.about = old; f.about == nil {
			f.about = &about{Started: time.Now().Truncate(time.Second), Command: os.Args}
		}
		if !slices.Equal(f.about.Command, os.Args) {
			f.command = f.about.Command
		}
		return f.note()
	}
	if (known || looksLikeARun(f.path)) && f.worthKeeping() {
		if err := f.moveAside(real, old); err != nil {
			return err
		}
		if err := f.take(real); err != nil {
			return err
		}
	}
	f.about = &about{Started: time.Now().Truncate(time.Second), Command: os.Args}
	return f.note()
}

// take makes the folder, locks it, and removes what killed writers have left
// there, and in the folders of the run's parts and in those below.
func (f *Folder) take(real string) (err error) {
	if err := atomicfile.Writable(real); err != nil {
		return err
	}
	if f.lock, err = atomicfile.LockFolder(real); err != nil {
		return err
	}
	for folder := range below(real) {
		if info, err := os.Lstat(folder); err == nil && info.IsDir() {
			atomicfile.Clean(folder)
		}
	}
	return nil
}

// below yields the folders in a folder, and those in them: of checkpoints, of a run's
// parts, and of their checkpoints. Links are among them, wherever they lead.
func below(path string) iter.Seq[string] {
	within := func(folder string, yield func(string) bool) bool {
		entries, _ := os.ReadDir(folder)
		for _, e := range entries {
			if (e.IsDir() || e.Type()&fs.ModeSymlink != 0) && !yield(filepath.Join(folder, e.Name())) {
				return false
			}
		}
		return true
	}
	return func(yield func(string) bool) {
		within(path, func(folder string) bool { return yield(folder) && within(folder, yield) })
	}
}

// resumable reports whether there are checkpoints.
func (f *Folder) resumable() bool {
	for folder := range below(f.path) {
		if holdsCheckpoints(folder) {
			return true
		}
	}
	return false
}

// holdsOthers reports whether there are checkpoints, though none of this run: those of
// parts where this has none, or of a whole where this is a part.
func (f *Folder) holdsOthers() bool {
	if f.whole != nil {
		return holdsCheckpoints(f.whole.Checkpoints().Dir)
	}
	return f.resumable()
}

func holdsCheckpoints(folder string) bool {
	entries, _ := os.ReadDir(folder)
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		ok, _ := filepath.Match("checkpoint-*.safetensors", e.Name())
		return ok
	})
}

// looksLikeARun reports whether a folder without a run.json holds what a run
// leaves.
func looksLikeARun(path string) bool {
	if holdsCheckpoints(filepath.Join(path, "checkpoints")) {
		return true
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".safetensors" || e.Name() == "log.jsonl" {
			return true
		}
	}
	return false
}

// worthKeeping reports whether there is more than what a run has before its first
// step.
func (f *Folder) worthKeeping() bool {
	found := errors.New("found")
	return filepath.WalkDir(f.path, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if e.IsDir() || name == aboutFile || strings.HasPrefix(name, ".") || name == "checkpoint-0000000000.safetensors" {
			return nil
		}
		return found
	}) != nil
}

// moveAside gives the folder a name with its time and says so.
func (f *Folder) moveAside(real string, old *about) error {
	started := time.Now()
	if old != nil && !old.Started.IsZero() {
		started = old.Started
	} else if info, err := os.Stat(real); err == nil {
		started = info.ModTime()
	}
	base := strings.TrimRight(real, string(filepath.Separator)) + "-" + started.Local().Format("20060102-150405")
	step := newest(real)
	for i := 1; ; i++ {
		to := base
		if i > 1 {
			to = fmt.Sprintf("%s-%d", base, i)
		}
		err := f.lock.MoveAway(to)
		if errors.Is(err, fs.ErrExist) && i < 1000 {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s holds an earlier run, which cannot be moved aside; choose another folder: %w", f.path, err)
		}
		f.lock = nil
		f.tell(to, old, step)
		return nil
	}
}

// tell says where an earlier run is now.
func (f *Folder) tell(to string, old *about, step int) {
	line := fmt.Sprintf("the run that was in %s is now in %s", f.path, to)
	if old == nil || old.Finished || step < 0 {
		f.options.Say(line)
		return
	}
	of := ""
	if old.Steps > 0 && old.Steps < math.MaxInt { // else it is a run of parts, each with a length of its own, or one without an end
		of = fmt.Sprintf(" of %d", old.Steps)
	}
	f.options.Say(fmt.Sprintf("%s; it was stopped after step %d%s, and goes on with: %s", line, step, of, again(old.Command, f.options.OutFlag, to)))
}

// again is the command that goes on with the run in a folder.
func again(command []string, outFlag, folder string) string {
	return CommandLine(append(repeated(command), "-resume", "auto", outFlag, folder)...)
}

// repeated is a command as it is given again.
func repeated(command []string) []string {
	if len(command) == 0 { // of a run.json that somebody has changed
		return nil
	}
	return append(program(command[0]), command[1:]...)
}

// program is how a program is started that was started under a name: one that go run
// has made is gone, and made again.
func program(name string) []string {
	info, ok := debug.ReadBuildInfo()
	slashed := filepath.ToSlash(name)
	if !strings.Contains(slashed, "/go-build") || !strings.Contains(slashed, "/exe/") {
		return []string{name}
	}
	if !ok || info.Path == "" || info.Path == "command-line-arguments" { // go run main.go
		return []string{strings.TrimSuffix(filepath.Base(name), ".exe")}
	}
	words := []string{"go", "run"}
	for _, s := range info.Settings {
		if s.Key == "-tags" && s.Value != "" {
			words = append(words, "-tags", s.Value)
		}
	}
	return append(words, info.Path)
}

// CommandLine returns words as a shell takes them: those that it would understand
// otherwise are quoted, as a path with a space is. It is for commands that a program
// prints for its user to repeat.
func CommandLine(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w, runtime.GOOS == "windows")
	}
	return strings.Join(quoted, " ")
}

func quote(w string, windows bool) string {
	plain := "-_./=,:+@"
	if windows {
		plain += `\`
	}
	if w != "" && !strings.ContainsFunc(w, func(r rune) bool {
		return !strings.ContainsRune(plain, r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		return w
	}
	switch {
	case windows: // whose names hold no quotes, and where a backslash before one would not mean itself
		return `"` + w + w[len(strings.TrimRight(w, `\`)):] + `"`
	case strings.ContainsFunc(w, func(r rune) bool { return !unicode.IsPrint(r) }): // a terminal would obey it
		q := strconv.QuoteToASCII(w)
		return "$'" + strings.ReplaceAll(strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`), "'", `\'`) + "'"
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// newest returns the step of the last checkpoint below a folder, or −1.
func newest(path string) int {
	step := -1
	filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		digits, ok := strings.CutPrefix(e.Name(), "checkpoint-")
		digits, ok2 := strings.CutSuffix(digits, ".safetensors")
		if n, err := strconv.Atoi(digits); ok && ok2 && err == nil {
			step = max(step, n)
		}
		return nil
	})
	return step
}

// readAbout reads run.json. known is whether there is one, which may be damaged.
func readAbout(path string) (a *about, known bool) {
	file, err := atomicfile.Open(filepath.Join(path, aboutFile))
	if err != nil {
		return nil, false
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, 1<<20))
	if err != nil || json.Unmarshal(b, &a) != nil || a == nil {
		return nil, true
	}
	return a, true
}

// note writes run.json.
func (f *Folder) note() error {
	b, err := json.MarshalIndent(f.about, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(f.path, aboutFile), func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// Path returns the folder's path, or with more elements that of something in it.
func (f *Folder) Path(elements ...string) string {
	return filepath.Join(append([]string{f.path}, elements...)...)
}

// Part returns a folder within the folder for one of several trainings that make
// up the run, such as those of several seeds. Finish and close the whole, not the part.
func (f *Folder) Part(name string) *Folder {
	return &Folder{path: f.Path(name), options: f.options, command: f.command, whole: f}
}

// Checkpoints returns the settings of [Folder.Hook]. To change them, give
// [Folder.HookWith] a copy.
func (f *Folder) Checkpoints() gan.Checkpoints {
	return gan.Checkpoints{Dir: f.Path("checkpoints")}
}

// Resume takes up training where the newest whole checkpoint of the folder left
// it, unless the mode is [New]; see [gan.Trainer.ResumeLatest]. If there is none,
// it does nothing in the mode [Auto], unless the folder holds the checkpoints of a run
// that keeps them elsewhere in it, as another program's does: that is an error. It and
// the error of settings that differ end in the command that has started the run, if
// that was another.
func (f *Folder) Resume(t *gan.Trainer, options ...gan.ResumeOption) error {
	if f.options.Resume == New {
		return nil
	}
	path, err := t.ResumeLatest(f.Checkpoints().Dir, append([]gan.ResumeOption{gan.Notify(f.options.Say)}, options...)...)
	startedBy := func(err error) error {
		if len(f.command) == 0 {
			return err
		}
		return fmt.Errorf("%w; the run was started by: %s", err, CommandLine(repeated(f.command)...))
	}
	switch {
	case errors.Is(err, gan.ErrNoCheckpoint) && len(f.command) > 0 && f.holdsOthers():
		return startedBy(fmt.Errorf("%w, but the folder has others, of another kind of run; choose another folder, or resume nothing, so that they are moved aside", err))
	case errors.Is(err, gan.ErrNoCheckpoint) && (f.options.Resume == Auto || f.whole != nil):
		return nil
	case errors.As(err, new(*gan.SettingsError)):
		if f.options.SetFlag != "" {
			err = fmt.Errorf("%w (here: %s NAME=VALUE in place of -NAME VALUE)", err, f.options.SetFlag)
		}
		return startedBy(err) // a flag says more than what follows from it
	case err != nil:
		return err
	}
	f.options.Say(fmt.Sprintf("resumed from %s, after step %d", path, t.Steps()))
	return nil
}

// Hook returns the hook that keeps the folder: [gan.Checkpoints], and notes of how
// long the run is to be.
func (f *Folder) Hook() gan.Hook { return f.HookWith(f.Checkpoints()) }

// HookWith is [Folder.Hook] with other settings of the checkpoints.
func (f *Folder) HookWith(c gan.Checkpoints) gan.Hook {
	h := c.Hook()
	start := h.Start
	h.Start = func(r gan.Run) error {
		if f.about != nil {
			f.about.Steps, f.about.Finished = r.Steps, false
			if err := f.note(); err != nil {
				return fmt.Errorf("rundir: %w", err)
			}
		}
		return start(r)
	}
	return h
}

// Finish notes that the run has done what it was to do. That a part of it has, is not
// noted anywhere.
func (f *Folder) Finish() error {
	if f.about == nil {
		return nil
	}
	f.about.Finished = true
	if err := f.note(); err != nil {
		return fmt.Errorf("rundir: %w", err)
	}
	return nil
}

// Close unlocks the folder. It may be called again.
func (f *Folder) Close() {
	if f.lock != nil {
		f.lock.Release()
		f.lock = nil
	}
}
