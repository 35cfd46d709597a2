package cpu

import (
	"testing"

	"github.com/gander-ml/gander/internal/backend/backendtest"
	features "github.com/gander-ml/gander/internal/cpu"
)

func TestConformance(t *testing.T) {
	for _, name := range features.Implementations() {
		t.Run(name, func(t *testing.T) {
			defer features.Use(name)()
			backendtest.Run(t, New())
		})
	}
}
