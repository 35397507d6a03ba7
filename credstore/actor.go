package credstore

import "context"

// An ActorKind says how an actor came to act.
type ActorKind string

// The kinds of actors.
const (
	ActorOperator ActorKind = "operator" // a person at the dashboard
	ActorProcess  ActorKind = "process"  // the gateway itself, such as a token refresh
	ActorCommand  ActorKind = "command"  // a deploy command, such as an import
	ActorUnknown  ActorKind = "unknown"  // nobody said
)

// An Actor is who makes a change, as the audit trail records it.
type Actor struct {
	Kind ActorKind
	// Name is the operator's name, or the program's.
	Name string
	// Verified tells that Name was proven, by single sign-on for example, and
	// not merely claimed.
	Verified bool
	// Session identifies the login, never the secret that proves it.
	Session string
	// Address is where the request came from: an IP address without the port.
	Address string
}

type actorKey struct{}

// WithActor returns a context whose changes are recorded as actor's.
func WithActor(ctx context.Context, actor Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

// ActorFrom returns the actor of ctx; one of kind [ActorUnknown] when none was set.
func ActorFrom(ctx context.Context) Actor {
	if actor, ok := ctx.Value(actorKey{}).(Actor); ok {
		return actor
	}
	return Actor{Kind: ActorUnknown, Name: "unknown"}
}
