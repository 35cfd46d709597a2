package backend

// Forget makes a kind unknown that a test has registered.
func Forget(name string) {
	mu.Lock()
	defer mu.Unlock()
	delete(kinds, name)
}
