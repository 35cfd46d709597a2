//go:build cuda

package tensor

import _ "github.com/gander-ml/gander/internal/backend/cuda" // makes the kind of device known
